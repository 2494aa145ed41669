"""A stand-in for the Auth0 tenant: it answers alike, but lets you choose who you are.

Written on PyJWT rather than on Authlib's grant classes: those are synchronous, want an adapter for
every request, and leave rotation with reuse detection, the audience and the tenant's own claims to
us anyway. Spelled out, each check stands where RFC 6749 puts it.
"""
