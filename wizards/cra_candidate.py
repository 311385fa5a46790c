"""What the preflight knows about each activity report that could be made."""

from dataclasses import dataclass, field

PREFLIGHT_STATES = [
    ("ready", "Ready"),
    ("incomplete", "Time Missing"),
    ("no_approver", "No Approver"),
    ("no_email", "Approver Without Email"),
    ("drifted", "Timesheets Changed"),
    ("working", "Draft Exists"),
    ("done", "Already Sent"),
    ("late", "Time Added After Sending"),
    ("changed", "Changed After Sending"),
    ("covered", "On Another Report"),
    ("nothing", "Nothing to Report"),
    ("cancelled", "Cancelled"),
    ("no_employee", "Time Without Consultant"),
]
#: Of these, drafts are made or refreshed.
MAKEABLE_STATES = (
    "ready",
    "incomplete",
    "no_approver",
    "no_email",
    "drifted",
    "working",
)
#: What somebody has to mend first: on top of the list.
ATTENTION_STATES = (
    "no_approver",
    "no_email",
    "no_employee",
    "late",
    "changed",
    "incomplete",
    "drifted",
    "nothing",
)
#: States that say nothing is wrong, so that missing time is what matters.
_CLEAN_STATES = ("ready", "working", "drifted")


@dataclass(frozen=True)
class Missing:
    """Time a consultant still has to enter in a period."""

    hours: float = 0.0
    days: float = 0.0
    #: Days of work on which nothing is entered
    empty_dates: tuple = ()

    def __bool__(self):
        return bool(self.hours or self.days)


@dataclass
class Candidate:
    """One activity report that could be made."""

    policy: object
    partner: object
    project: object
    #: Empty where one report holds all consultants of the project
    employee: object
    company: object
    date_from: object
    date_to: object
    #: All consultants whose time the report would hold
    employees: object
    hours: float = 0.0
    #: Hours that no report covers
    new_hours: float = 0.0
    new_count: int = 0
    #: Lines of more or less than zero hours
    nonzero_count: int = 0
    state: str = "ready"
    #: The report that exists for exactly this, or covers its time otherwise
    report: object = None
    #: A draft that says something else than the timesheets
    has_drifted: bool = False
    #: The draft of exactly this that somebody has cancelled, or report recalled
    cancelled: object = None
    approvers: object = None
    #: Missing time by consultant (``hr.employee``), of those who miss some
    missing: dict = field(default_factory=dict)
    #: Report that somebody else made meanwhile, out of this transaction's sight
    taken_id: int = 0

    @property
    def key(self):
        """Return what the unique indexes of ``cra.report`` compare."""
        return (
            self.company.id,
            self.partner.id,
            self.project.id,
            self.employee.id or 0,
            self.date_from,
            self.date_to,
        )

    @property
    def missing_hours(self):
        """Return the hours its consultants still have to enter."""
        return sum(missing.hours for missing in self.missing.values())

    @property
    def missing_days(self):
        """Return the days its consultants still have to enter."""
        return sum(missing.days for missing in self.missing.values())

    @property
    def is_makeable(self):
        """Tell whether a draft is to be made or refreshed."""
        return self.state in MAKEABLE_STATES

    @property
    def is_due(self):
        """Tell whether making it would change anything."""
        return (
            not self.report or self.has_drifted or self.report.policy_id != self.policy
        )

    def set_missing(self, missing):
        """Note who misses time; nothing worse being wrong, that is its state.

        :param dict missing: ``hr.employee`` -> :class:`Missing`
        """
        self.missing = {
            employee: missing[employee]
            for employee in self.employees
            if missing.get(employee)
        }
        if self.missing and self.state in _CLEAN_STATES:
            self.state = "incomplete"


def report_key(report):
    """Return the same of a report as :attr:`Candidate.key`."""
    return (
        report.company_id.id,
        report.partner_id.id,
        report.project_id.id,
        report.employee_id.id or 0,
        report.date_from,
        report.date_to,
    )
