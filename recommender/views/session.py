"""Signing in (with a brake on guessing), the password, light or dark, and what is shown when something is wrong."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import views as auth_views
from django.contrib.messages.views import SuccessMessageMixin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from recommender.forms import LoginForm, PasswordForm
from recommender.views.frame import frame_context, sign_in_first, site_page

OPEN_TO_STRANGERS = ("/login/", "/health/", "/static/", "/api/")


class SignIn(auth_views.LoginView):
    template_name = "recommender/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True


class SignOut(auth_views.LogoutView):
    """By POST only, so that no link or picture signs anyone out."""


class Password(SuccessMessageMixin, auth_views.PasswordChangeView):
    template_name = "recommender/password.html"
    form_class = PasswordForm
    success_url = reverse_lazy("home")
    success_message = "Your password was changed."

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        frame = frame_context(self.request, None) | {"crumbs": [("Catalogs", reverse_lazy("home"))]}
        return super().get_context_data(**kwargs) | frame | {"title": "Change your password"}


password = site_page()(Password.as_view())


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember light, dark or the system's choice, and go back to where one was."""
    chosen = request.POST.get("theme", "auto")
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = "/"
    answer = HttpResponseRedirect(back)
    if chosen in ("light", "dark"):
        answer.set_cookie("theme", chosen, max_age=31_536_000, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
    else:
        answer.delete_cookie("theme", samesite="Lax")
    return answer


def error_page(request: HttpRequest, code: int, title: str, message: str, advice: str) -> HttpResponse:
    context = {"code": code, "title": title, "message": message, "advice": advice}
    return render(request, "recommender/error.html", context, status=code)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    message = "The browser sent something that this page cannot take."
    return error_page(request, 400, "That request does not make sense", message, "Go back and try again.")


def denied(request: HttpRequest, exception: PermissionDenied) -> HttpResponse:
    message = str(exception) or "Your login may not see this page."
    return error_page(request, 403, "Not with your login", message, "Nothing was changed.")


def expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    message = "The form was open for too long, or cookies are off in this browser."
    return error_page(request, 403, "This form has expired", message, "Go back, load the page again and send it again.")


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not request.user.is_authenticated and not request.path.startswith(OPEN_TO_STRANGERS):
        return sign_in_first(request)
    said = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    message = said or "There is nothing at this address."
    advice = "It may have been removed, or it belongs to a catalog that you are not a member of."
    return error_page(request, 404, "Nothing found here", message, advice)


def unreachable(request: HttpRequest) -> HttpResponse:
    """While the database is away; it asks nothing of it."""
    message = "The database cannot be reached at the moment. Nothing was changed."
    context = {"code": 503, "title": "Not available now", "message": message, "advice": "Try again in a few seconds."}
    answer = render(request, "recommender/error.html", context | {"request": None}, status=503)
    answer["Retry-After"] = "5"
    return answer


def broken(request: HttpRequest) -> HttpResponse:
    """Without the session or the database, which may be what is broken."""
    message = "Something went wrong on our side; it has been written to the log."
    context = {"code": 500, "title": "This page is broken", "message": message, "advice": "Try again in a minute."}
    return render(request, "recommender/error.html", context | {"request": None}, status=500)
