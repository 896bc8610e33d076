"""The report: one page, figures and tables, all drawn from `Results` alone."""

from fairtoll.report.card import render_card as render_card
from fairtoll.report.model_index import render_model_index as render_model_index
from fairtoll.report.page import render_html as render_html
from fairtoll.report.write import write_report as write_report
