// Set up to answer as the tenant does: claims in the ID token, a refresh token for whoever may have
// one, rotated with each use. Everything else is as it comes. Prints its address once it listens.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const { CLIENT_ID, SCOPES, REDIRECT_URIS, SIGNED_OUT } = process.env;

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'first' };
}

const configuration = {
  clients: [
    {
      client_id: CLIENT_ID,
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      redirect_uris: REDIRECT_URIS.split(' '),
      post_logout_redirect_uris: [SIGNED_OUT],
    },
  ],
  jwks: { keys: [signingKey()] },
  cookies: { keys: ['not a secret'] },
  scopes: SCOPES.split(' '),
  claims: { openid: ['sub'], profile: ['name', 'picture'], email: ['email'] },
  conformIdTokenClaims: false,
  issueRefreshToken: (_context, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  features: { revocation: { enabled: true }, userinfo: { enabled: true } },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: 'Erin Employee', email: 'erin@exampleco.com' }),
  }),
};

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const address = `http://127.0.0.1:${server.address().port}/`;
  server.on('request', new Provider(address, configuration).callback());
  console.log(address);
});
// With whoever started it.
process.stdin.on('close', () => process.exit()).resume();
