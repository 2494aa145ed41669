"""API documentation derived from the contracts: OpenAPI 3.1, Swagger 2.0 and a page to try them."""

from libs.web.apidocs.page import ApiPage, api_routes

__all__ = ["ApiPage", "api_routes"]
