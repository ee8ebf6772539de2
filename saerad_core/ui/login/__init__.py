"""Who is who in the browser: Streamlit's OpenID Connect login where one is configured, and what may be asked without it."""

from saerad_core.ui.login.listening import check_start
from saerad_core.ui.login.middleware import LoginMiddleware
from saerad_core.ui.login.session import admit, may, person, require, why_not

__all__ = ["LoginMiddleware", "admit", "check_start", "may", "person", "require", "why_not"]
