// Which encoding and which shape of an answer the caller accepts (apiserver endpoints/handlers/negotiation).
import { PROTOBUF_MEDIA_TYPE } from '@tiphys/api';
import { statusError } from '@tiphys/machinery';

export type Encoding = 'json' | 'yaml' | 'protobuf';

export interface Output {
  encoding: Encoding;
  pretty: boolean;
  /** Table, PartialObjectMetadata or PartialObjectMetadataList, in a version of meta.k8s.io; or one of discovery's documents. */
  convert?: { kind: string; group: string; version: string };
}

const TYPES: Record<Encoding, string> = { json: 'application/json', yaml: 'application/yaml', protobuf: PROTOBUF_MEDIA_TYPE };

interface Clause {
  type: string;
  parameters: Map<string, string>;
  quality: number;
}

const parsed = new Map<string, readonly Clause[]>();
const PARSED_MAX = 500;

function clausesOf(header: string): readonly Clause[] {
  const known = parsed.get(header);
  if (known) return known;
  const clauses = header.split(',').map((part) => {
    const [type, ...rest] = part.split(';').map((piece) => piece.trim());
    const parameters = new Map<string, string>();
    let quality = 1;
    for (const piece of rest) {
      const equals = piece.indexOf('=');
      const name = equals === -1 ? piece : piece.slice(0, equals);
      const value = equals === -1 ? '' : piece.slice(equals + 1);
      if (name === 'q') quality = Number(value) || 0;
      else parameters.set(name, value);
    }
    return { type: type!.toLowerCase(), parameters, quality };
  });
  clauses.sort((a, b) => b.quality - a.quality);
  if (parsed.size >= PARSED_MAX) parsed.clear();
  parsed.set(header, clauses);
  return clauses;
}

const HUMAN_AGENTS = /^(curl|Wget|Mozilla\/5\.0)/;

function isPretty(query: URLSearchParams, agent: string | undefined): boolean {
  const asked = query.get('pretty');
  if (asked !== null && asked !== '') return asked === 'true' || asked === '1';
  return HUMAN_AGENTS.test(agent ?? '');
}

export interface Offer {
  encodings: readonly Encoding[];
  stream: boolean;
  /** Whether the answer can take this shape in this encoding. */
  converts(kind: string, group: string, version: string, encoding: Encoding): boolean;
}

/** Throws NotAcceptable when nothing fits. */
export function negotiate(headers: Readonly<Record<string, string>>, query: URLSearchParams, offer: Offer): Output {
  const pretty = isPretty(query, headers['user-agent']);
  const header = headers.accept;
  if (!header) return { encoding: offer.encodings[0]!, pretty };
  for (const clause of clausesOf(header)) {
    for (const encoding of offer.encodings) {
      const [major] = clause.type.split('/');
      if (clause.type !== '*/*' && clause.type !== TYPES[encoding] && !(clause.type.endsWith('/*') && major === 'application')) continue;
      const stream = clause.parameters.get('stream');
      if (stream && (stream !== 'watch' || encoding === 'yaml')) continue;
      if (offer.stream && encoding === 'yaml') continue;
      const kind = clause.parameters.get('as');
      if (kind === undefined) return { encoding, pretty: pretty || clause.parameters.get('pretty') === '1' };
      const group = clause.parameters.get('g') ?? '';
      const version = clause.parameters.get('v') ?? '';
      if (!offer.converts(kind, group, version, encoding)) continue;
      return { encoding, pretty, convert: { kind, group, version } };
    }
  }
  const types = offer.encodings.map((encoding) => TYPES[encoding] + (offer.stream ? ';stream=watch' : ''));
  throw statusError.notAcceptable(`only the following media types are accepted: ${types.join(', ')}`);
}

export const contentType = (encoding: Encoding): string => TYPES[encoding];
