// A certified identity provider on loopback, for the tests: the npm package oidc-provider.
//
// node provider.mjs FOLDER SECRET
//
// It prints its issuer, then reads where the pages are from its input. It ends when its input ends.

import http from 'node:http';
import path from 'node:path';
import readline from 'node:readline';
import { pathToFileURL } from 'node:url';

const [folder, secret] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(path.join(folder, 'lib/index.js')).href);

const server = http.createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
console.log(JSON.stringify({ issuer }));

const input = readline.createInterface({ input: process.stdin });
input.once('close', () => process.exit(0));
const pages = await new Promise((read) => input.once('line', read));

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'hippo',
    client_secret: secret,
    redirect_uris: [`${pages}/sign-in/oidc/callback`],
  }],
  cookies: { keys: ['for tests only'] },
  features: { devInteractions: { enabled: false } },
  pkce: { required: () => true },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  // A token says nothing of an address, unless somebody asks for it.
  claims: { email: ['email', 'email_verified'] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.org`, email_verified: true }),
  }),
  // Anyone who signs in here agrees.
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({
      clientId: oidc.client.clientId,
      accountId: oidc.session.accountId,
    });
    grant.addOIDCScope('openid');
    await grant.save();
    return grant;
  },
});

const page = `<!doctype html><html lang="en"><title>Sign in</title><h1>The provider</h1>
<form method="post"><label for="account">Account</label> <input id="account" name="account">
<button id="go">Sign in</button> <button id="cancel" name="cancel" value="yes">Cancel</button></form></html>`;

async function answer(request, response) {
  if (!request.url.startsWith('/interaction/')) {
    return provider.callback()(request, response);
  }
  if (request.method !== 'POST') {
    await provider.interactionDetails(request, response);
    return response.setHeader('content-type', 'text/html').end(page);
  }
  let body = '';
  for await (const part of request) {
    body += part;
  }
  const form = new URLSearchParams(body);
  const result = form.has('cancel')
    ? { error: 'access_denied', error_description: 'cancelled' }
    : { login: { accountId: form.get('account') } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

server.on('request', (request, response) => {
  answer(request, response).catch((error) => {
    response.statusCode = 500;
    response.end(String(error));
  });
});
