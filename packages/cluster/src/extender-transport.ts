// How extenders of the scheduler are asked over HTTP and HTTPS (pkg/scheduler/extender.go makeTransport, send).
import { readFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request as requestHttp } from 'node:http';
import { type AgentOptions, request as requestHttps, Agent as SecureAgent } from 'node:https';
import type { ExtenderTls, SendJson } from '@tiphys/scheduler';

/** Answers with the scores of all nodes of a large cluster stay far below. */
const ANSWER_BYTES_MAX = 256 * 2 ** 20;

const content = (file: string | undefined, data: string | undefined) =>
  data ? Buffer.from(data, 'base64') : file ? readFileSync(file) : undefined;

/** Throws when a file can't be read. */
function agentOptions(tls: ExtenderTls, enableHttps: boolean): AgentOptions {
  const ca = content(tls.caFile, tls.caData);
  const cert = content(tls.certFile, tls.certData);
  const key = content(tls.keyFile, tls.keyData);
  // Upstream trusts whoever answers when HTTPS is asked for without an authority.
  const isTrusting = tls.insecure === true || (enableHttps && !ca);
  return {
    keepAlive: true,
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    ...(tls.serverName ? { servername: tls.serverName } : {}),
    ...(isTrusting ? { rejectUnauthorized: false } : {}),
  };
}

async function bodyOf(response: IncomingMessage, url: string): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`the answer of the extender at URL ${url} is too large`);
    chunks.push(chunk);
  }
  if (response.statusCode === 200) return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  throw new Error(`failed ${url.slice(url.lastIndexOf('/') + 1)} with extender at URL ${url}, code ${response.statusCode}`);
}

/** For one extender. Throws when its certificates can't be read. */
export function extenderTransport(tls: ExtenderTls | undefined, enableHttps: boolean): SendJson {
  const secure = new SecureAgent(agentOptions(tls ?? {}, enableHttps));
  const plain = new Agent({ keepAlive: true });
  return (url, body, timeoutMs) =>
    new Promise((resolve, reject) => {
      const isSecure = url.startsWith('https:');
      const options = {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        signal: AbortSignal.timeout(timeoutMs),
        agent: isSecure ? secure : plain,
      };
      const request = (isSecure ? requestHttps : requestHttp)(url, options, (response) => void bodyOf(response, url).then(resolve, reject));
      request.on('error', reject);
      request.end(JSON.stringify(body));
    });
}
