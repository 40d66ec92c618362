"""The page for people: one file that asks the API as any client does."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from components.serving.gateway.gateway import Gateway, GatewayOf

PAGE = Path(__file__).with_name("demo.html")
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
NO_CACHE = {"Cache-Control": "no-store"}
router = APIRouter(include_in_schema=False)
Credentials = Annotated[HTTPBasicCredentials | None, Depends(HTTPBasic(auto_error=False))]


@router.get("/")
async def show_page(gateway: GatewayOf, credentials: Credentials) -> Response:
    """Return the page, if it is open to who asks."""
    if not _may_see(gateway, credentials):
        challenge = {"WWW-Authenticate": 'Basic realm="a service\'s key as password"'}
        return Response(status_code=401, headers=challenge | NO_CACHE)
    headers = {"Content-Security-Policy": POLICY} | NO_CACHE
    return HTMLResponse(PAGE.read_text("utf-8"), headers=headers)


def _may_see(gateway: Gateway, credentials: HTTPBasicCredentials | None) -> bool:
    if gateway.settings.page == "open":
        return True
    if credentials is None:
        return False
    return gateway.authenticator.find_service(credentials.password) is not None
