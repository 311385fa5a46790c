from . import test_cra_portal
from . import test_cra_report
from . import test_invoice_annex
from . import test_invoice_send_run
from . import test_invoice_send_tour
from . import test_invoice_annex_http
from . import test_lean_pdf
from . import test_tours_annex
