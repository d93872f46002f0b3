"""Checking the data of a config before anything is trained on them."""
from .data_check import check_data
from .report import KINDS, DataReport, format_report

__all__ = ['KINDS', 'DataReport', 'check_data', 'format_report']
