"""Contracts: what a person is to work, from which day on."""

from __future__ import annotations

from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.pool import DATABASE
from libs.service.access import current_actor
from libs.service.preconditions import preconditions_of
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.etags import etag_of_representation, resource_response
from libs.web.validation import body_of
from services.profile.api.access import PERSON, first_day_of, read_for_audit, sub_of
from services.profile.api.serializers import serialize_contract, serialize_contracts
from services.profile.commands import people as commands
from services.profile.schemas.people import (
    ContractAnswer,
    ContractBody,
    ContractsAnswer,
    ContractSchema,
)

ROUTES = web.RouteTableDef()

CONTRACTS = f"{PERSON}/contracts"
CONTRACT = f"{CONTRACTS}/{{from:[0-9-]{{10}}}}"


@ROUTES.get(CONTRACTS, allow_head=False)
@requires(Scope.READ_PEOPLE)
@endpoint(
    Contract(
        summary="List the contracts of a person, oldest first",
        description="Each holds until the next one begins.",
        answers={200: ContractsAnswer(), 304: None},
        problems=(404,),
    )
)
async def show_contracts(request: web.Request) -> web.Response:
    """GET the contracts of a person, by their first days."""
    known = await read_for_audit(request)
    answer = serialize_contracts(known)
    return resource_response(
        request, answer, etag_of_representation({"version": known.person.version, "shown": answer})
    )


@ROUTES.put(CONTRACT)
@requires(Scope.MANAGE_PEOPLE, step_up=True)
@endpoint(
    Contract(
        summary="Set the contract that begins on this day",
        description=(
            "Repeating it changes nothing. Weeks that were submitted keep the target by which "
            "they were measured. From the first contract on the person can't change the target."
        ),
        body=ContractSchema(),
        answers={200: ContractAnswer(), 201: ContractAnswer()},
        problems=(404, 412),
        headers=("If-Match",),
    )
)
async def put_contract(request: web.Request) -> web.Response:
    """PUT the contract that begins on a day."""
    contract = body_of(request, ContractBody).beginning(first_day_of(request))
    known, created = await commands.put_contract(
        request.app[DATABASE],
        sub_of(request),
        contract,
        current_actor(request),
        request.app[CLOCK].now(),
        preconditions_of(request),
    )
    answer = serialize_contract(contract)
    etag = etag_of_representation({"version": known.person.version, "shown": answer})
    return resource_response(request, answer, etag, status=201 if created else 200)


@ROUTES.delete(CONTRACT)
@requires(Scope.MANAGE_PEOPLE, step_up=True)
@endpoint(
    Contract(
        summary="Remove the contract that begins on this day",
        description="The contract before it then holds on.",
        answers={204: None},
        problems=(404, 412),
        headers=("If-Match",),
    )
)
async def delete_contract(request: web.Request) -> web.Response:
    """DELETE the contract that begins on a day; the one before it then goes on."""
    await commands.delete_contract(
        request.app[DATABASE],
        sub_of(request),
        first_day_of(request),
        current_actor(request),
        request.app[CLOCK].now(),
        preconditions_of(request),
    )
    return web.Response(status=204)
