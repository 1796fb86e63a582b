// The web front end: takes messages, queues them for the worker, and shows those that are done.
import { createServer } from 'node:http';
import { hostname } from 'node:os';
import { fromEnvironment } from './redis.mjs';

const BODY_BYTES_MAX = 10_000;
const database = fromEnvironment();
const title = process.env.BOARD_TITLE ?? 'Board';
const version = process.env.BOARD_VERSION ?? '1';

async function bodyOf(request) {
  let body = '';
  for await (const chunk of request) {
    body += chunk;
    if (body.length > BODY_BYTES_MAX) throw Object.assign(new Error('too long'), { status: 413 });
  }
  return body.trim();
}

const routes = {
  'GET /healthz': async () => 'ok\n',
  'GET /readyz': async () => `${await database.command('PING')}\n`,
  'GET /': async () => {
    const messages = await database.command('LRANGE', 'messages', 0, 19);
    return `${title}, version ${version}\n${messages.map((message) => `- ${message}\n`).join('')}`;
  },
  'POST /messages': async (request) => {
    await database.command('LPUSH', 'queue', await bodyOf(request));
    return 'queued\n';
  },
};

const server = createServer(async (request, response) => {
  const route = routes[`${request.method} ${request.url}`];
  try {
    const text = route ? await route(request) : 'not found\n';
    response.writeHead(route ? 200 : 404, { 'content-type': 'text/plain', 'x-served-by': hostname() }).end(text);
  } catch (error) {
    response.writeHead(error.status ?? 503, { 'content-type': 'text/plain' }).end(`${error.message}\n`);
  }
});
server.listen(8080, () => console.log(`board ${version} listens on 8080`));
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
