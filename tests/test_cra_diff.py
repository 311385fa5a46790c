from datetime import date

from odoo.tests import BaseCase, tagged

from ..models.cra_diff import compare_lines


def line(timesheet, day=2, hours=8.0, **values):
    return {
        "timesheet": timesheet,
        "date": date(2026, 3, day),
        "employee_label": "Alice Arnaud",
        "project_label": "Apollo",
        "task_label": "Design",
        "description": "Drawings",
        "unit_amount": hours,
        **values,
    }


@tagged("post_install", "-at_install")
class TestCraDiff(BaseCase):
    def test_equal_versions_do_not_differ(self):
        comparison = compare_lines([line(1), line(2, 3)], [line(2, 3), line(1)])
        self.assertFalse(comparison)
        self.assertEqual(len(comparison.unchanged), 2)
        self.assertEqual(comparison.hours, 0)

    def test_what_was_added_removed_and_changed_in_order_of_days(self):
        old = [line(1, 2), line(2, 3, 4.0), line(3, 4)]
        new = [line(1, 2), line(2, 3, 2.5), line(4, 1, 1.5)]
        comparison = compare_lines(old, new)
        self.assertEqual(
            [(d.kind, d.line["date"].day, d.hours) for d in comparison.differences],
            [("added", 1, 1.5), ("changed", 3, -1.5), ("removed", 4, -8.0)],
        )
        self.assertEqual(comparison.hours, -8.0)
        self.assertEqual(comparison.unchanged, ((line(1, 2), line(1, 2)),))
        [changed] = comparison.changed
        self.assertEqual((changed.old_hours, changed.new_hours), (4.0, 2.5))
        self.assertEqual(changed.changed, {"unit_amount"})
        self.assertFalse(comparison.added[0].changed)

    def test_a_line_moved_to_another_day_is_one_changed_line(self):
        [moved] = compare_lines([line(1, 2)], [line(1, 5)]).differences
        self.assertEqual((moved.kind, moved.changed), ("changed", {"date"}))
        self.assertEqual(moved.line["date"].day, 5)

    def test_time_entered_again_is_the_line_it_replaces(self):
        again = compare_lines([line(1)], [line(9)])
        self.assertFalse(again)
        [changed] = compare_lines([line(1)], [line(9, hours=6)]).differences
        self.assertEqual((changed.kind, changed.hours), ("changed", -2))

    def test_of_several_alike_those_that_read_the_same_belong_together(self):
        old = [line(1, hours=1), line(2, hours=2), line(3, hours=3)]
        new = [line(7, hours=3), line(8, hours=1)]
        comparison = compare_lines(old, new)
        self.assertEqual([d.old for d in comparison.differences], [line(2, hours=2)])
        self.assertEqual(len(comparison.unchanged), 2)

    def test_time_of_somebody_else_or_another_task_never_belongs_together(self):
        for values in ({"employee_label": "Bruno"}, {"task_label": "Other"}):
            kinds = [
                d.kind
                for d in compare_lines([line(1)], [line(9, **values)]).differences
            ]
            self.assertEqual(kinds, ["removed", "added"])

    def test_lines_whose_timesheet_is_gone_are_compared_by_what_they_show(self):
        self.assertFalse(compare_lines([line(False)], [line(5)]))
        self.assertFalse(compare_lines([line(False)] * 2, [line(None)] * 2))

    def test_empty_texts_and_rounding_noise_are_no_difference(self):
        old = [line(1, hours=0.1 + 0.2, task_label="", description=False)]
        self.assertFalse(
            compare_lines(old, [line(1, hours=0.3, task_label=False, description="")])
        )
