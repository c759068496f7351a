// An OpenID provider on a port of this machine: `node identity.mjs OIDC_PROVIDER_MODULE`, then a line of JSON with
// `clients`, `accounts` and `keys`; each later line takes the place of the one before, as when keys are rotated.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

console.info = console.warn = () => {}; // its notices
const { default: Provider } = await import(pathToFileURL(process.argv[2]).href);
let answer = (_, response) => response.writeHead(503).end();
const server = createServer((request, response) => answer(request, response));
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

for await (const line of createInterface({ input: process.stdin })) {
  const { clients, accounts, keys } = JSON.parse(line);
  const provider = new Provider(issuer, {
    clients,
    jwks: { keys },
    cookies: { keys: ["made up for the tests"] },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["groups", "tenant"] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts[id] }) }),
    // Consent was given: people use a service of their own company.
    loadExistingGrant: async ({ oidc }) => {
      const grant = new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope("openid profile email");
      await grant.save();
      return grant;
    },
  });
  answer = provider.callback();
  process.stdout.write(`${issuer}\n`);
}
