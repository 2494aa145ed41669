"""The issuer: OpenID Connect code flow with PKCE as a confidential client."""
