from . import test_cra_portal
from . import test_cra_report
from . import test_lean_pdf
from . import test_tours_cra
