from odoo import models


class ProjectProject(models.Model):
    _inherit = "project.project"
