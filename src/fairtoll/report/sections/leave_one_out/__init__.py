"""The section on leave-one-out unfairness: its figures, tables, images and words."""

from fairtoll.report.sections.leave_one_out.section import leave_one_out as leave_one_out
