from . import ir_actions_report
from . import res_company
from . import res_partner
from . import project_project
