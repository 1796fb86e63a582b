// /statusz: what runs here and since when, for people, and as an object for those who name its kind (apiserver server/statusz).
import type { KubeObject } from '@tiphys/api';
import { type ApiResponse, statusError } from '@tiphys/machinery';
import type { Clock } from '@tiphys/runtime';

const NAME = 'kube-apiserver';
const VERSION = '1.36.3';
const EMULATION = '1.36';
const GROUP = 'config.k8s.io';
const NOT_LISTED = new Set(['/apis', '/api', '/openid', '/openapi', '/.well-known']);
const WARNING =
  'Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.';

/** The first part of each path that is for looking into the server. */
function folders(paths: readonly string[]): string[] {
  const all = new Set(paths.map((path) => `/${path.split('/')[1] ?? ''}`));
  return [...all].filter((folder) => folder !== '/' && !NOT_LISTED.has(folder)).sort();
}

const two = (value: number) => String(value).padStart(2, '0');

function text(startMs: number, upSeconds: number, paths: readonly string[]): string {
  const up = `${Math.floor(upSeconds / 3600)} hr ${two(Math.floor(upSeconds / 60) % 60)} min ${two(upSeconds % 60)} sec`;
  const [day, date, month, year, time] = new Date(startMs).toUTCString().replace(',', '').split(' ');
  const lines = [
    `Started: ${day} ${month} ${String(Number(date)).padStart(2)} ${time} UTC ${year}`,
    `Up: ${up}`,
    `Go version: node${process.versions.node}`,
    `Binary version: ${VERSION}`,
    `Emulation version: ${EMULATION}`,
    `Paths: ${paths.join(' ')}`,
  ];
  return `\n${NAME} statusz\n${WARNING}\n\n${lines.join('\n')}\n`;
}

/** Throws NotAcceptable for a form that there is not. */
export function statusz(headers: Readonly<Record<string, string>>, listed: readonly string[], clock: Clock): ApiResponse {
  const upSeconds = Math.floor(process.uptime());
  const startMs = clock.now() - upSeconds * 1000;
  const paths = folders(listed);
  const accept = headers.accept ?? '';
  if (accept.trim() === '' || /text\/(plain|\*)|\*\/\*/.test(accept)) {
    const bytes = Buffer.from(text(startMs, upSeconds, paths));
    return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: { kind: 'bytes', bytes } };
  }
  const parameter = (name: string) => new RegExp(`;\\s*${name}=([^;,\\s]+)`).exec(accept)?.[1];
  const version = parameter('v');
  if (
    !/application\/json/.test(accept) ||
    parameter('as') !== 'Statusz' ||
    parameter('g') !== GROUP ||
    !/^v1(alpha|beta)1$/.test(version ?? '')
  ) {
    throw statusError.notAcceptable('only the following media types are accepted: text/plain, application/json, application/yaml');
  }
  const object = {
    kind: 'Statusz',
    apiVersion: `${GROUP}/${version}`,
    metadata: { name: NAME },
    startTime: `${new Date(startMs).toISOString().slice(0, 19)}Z`,
    uptimeSeconds: upSeconds,
    goVersion: `node${process.versions.node}`,
    binaryVersion: VERSION,
    emulationVersion: EMULATION,
    paths,
  };
  return { status: 200, headers: {}, body: { kind: 'object', object: object as KubeObject } };
}
