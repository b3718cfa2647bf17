"""Puts the program together: settings in, services out. The only place that picks classes."""

from callgenie.wiring.jobs import gather_figures, running
from callgenie.wiring.mail import build_delivery, mailer_of
from callgenie.wiring.records import SECRETS_FILE, Records, build_records, gather_secrets
from callgenie.wiring.services import Services, build_services

__all__ = [
    "SECRETS_FILE",
    "Records",
    "Services",
    "build_delivery",
    "build_records",
    "build_services",
    "gather_figures",
    "gather_secrets",
    "mailer_of",
    "running",
]
