from odoo import models


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _get_translation_frontend_modules_name(cls):
        # EXTENDS 'http_routing': the form in which customers agree is made by scripts
        return [*super()._get_translation_frontend_modules_name(), "sale_timesheet_cra"]
