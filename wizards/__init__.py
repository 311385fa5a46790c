from . import cra_generate
from . import cra_generate_due
from . import cra_generate_collect
from . import cra_generate_completeness
from . import cra_generate_background
from . import cra_generate_line
from . import cra_send_back
