from . import cra_generate
from . import cra_generate_due
