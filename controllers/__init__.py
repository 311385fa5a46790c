from . import access_log
from . import evidence
from . import invoice_annex
from . import portal_access
from . import portal_decision
from . import portal_list
from . import portal_report
