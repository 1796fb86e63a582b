// answer(question, world): what the cluster's zone says, or that the question is for someone else. Pure.
import type { Answer as DnsRecord } from 'dns-packet';
import type { Service } from '../kinds.ts';
import { addressTypeOf, namedTargets, namesAt, serviceName, serviceTargets, type Target } from './records.ts';
import { canonicalIp, type DnsWorld } from './world.ts';

export interface Question {
  /** As asked, without the final dot. */
  name: string;
  type: string;
}

export type DnsAnswer =
  /** Not a name of the cluster: the machine's resolvers know. */
  | { kind: 'forward' }
  | {
      kind: 'reply';
      code: 'NOERROR' | 'NXDOMAIN';
      answers: DnsRecord[];
      authorities: DnsRecord[];
      additionals: DnsRecord[];
      /** A CNAME leads out of the cluster: ask for this name too and add what comes. */
      follow?: string;
    };

export const TTL_SECONDS = 30;
const NEGATIVE_TTL_SECONDS = 5;
const SPECIFICATION_VERSION = '1.1.0';
/** Chains of ExternalName services inside the cluster end here. */
const FOLLOW_MAX = 8;

interface Found {
  exists: boolean;
  answers: DnsRecord[];
  additionals?: DnsRecord[];
  follow?: string;
}

const NOTHING: Found = { exists: false, answers: [] };
const EMPTY: Found = { exists: true, answers: [] };

function soa(world: DnsWorld, ttl: number): DnsRecord {
  const data = {
    mname: `ns.dns.${world.domain}`,
    rname: `hostmaster.${world.domain}`,
    serial: 1,
    refresh: 7200,
    retry: 1800,
    expire: 86400,
    minimum: NEGATIVE_TTL_SECONDS,
  };
  return { type: 'SOA', name: world.domain, ttl, data };
}

const isMeta = (type: string) => type === 'ANY';
const wants = (asked: string, type: string) => asked === type || isMeta(asked);

function addresses(name: string, type: string, ips: readonly string[]): DnsRecord[] {
  return [...new Set(ips)]
    .filter((ip) => wants(type, addressTypeOf(ip)))
    .map((ip) => ({ type: addressTypeOf(ip), name, ttl: TTL_SECONDS, data: ip }) as DnsRecord);
}

/** SRV records for targets, with the targets' addresses beside them. */
function services(name: string, targets: readonly Target[], service: Service, world: DnsWorld): Found {
  const answers = new Map<string, DnsRecord>();
  const additionals = new Map<string, DnsRecord>();
  const withPort = targets.filter((target) => target.port > 0);
  const weight = Math.max(1, Math.floor(100 / Math.max(1, withPort.length)));
  for (const target of withPort) {
    const host = target.host ? `${target.host}.${serviceName(service, world)}` : serviceName(service, world);
    answers.set(`${host} ${target.port}`, {
      type: 'SRV',
      name,
      ttl: TTL_SECONDS,
      data: { priority: 0, weight, port: target.port, target: host },
    });
    for (const record of addresses(host, addressTypeOf(target.ip), [target.ip])) additionals.set(`${host} ${target.ip}`, record);
  }
  return { exists: true, answers: [...answers.values()], additionals: [...additionals.values()] };
}

function ofTargets(question: Question, targets: readonly Target[], service: Service, world: DnsWorld): Found {
  if (targets.length === 0) return NOTHING;
  if (question.type === 'SRV') return services(question.name, targets, service, world);
  return {
    exists: true,
    answers: addresses(
      question.name,
      question.type,
      targets.map((target) => target.ip),
    ),
  };
}

/** labels: what stands before `namespace.svc.domain`, the service's name last. */
function ofService(question: Question, labels: readonly string[], namespace: string, world: DnsWorld): Found {
  const service = world.service(namespace, labels.at(-1)!);
  if (!service) return NOTHING;
  if (service.spec?.type === 'ExternalName') {
    if (labels.length > 1) return NOTHING;
    const target = (service.spec.externalName ?? '').replace(/\.$/, '');
    const answers: DnsRecord[] = [{ type: 'CNAME', name: question.name, ttl: TTL_SECONDS, data: target }];
    return question.type === 'CNAME' ? { exists: true, answers } : { exists: true, answers, follow: target };
  }
  if (labels.length === 1) return ofTargets(question, serviceTargets(service, world), service, world);
  if (labels.length === 2 && /^_(tcp|udp|sctp)$/.test(labels[0]!)) {
    return serviceTargets(service, world).some((target) => `_${target.protocol}` === labels[0]) ? EMPTY : NOTHING;
  }
  if (labels.length === 2) {
    const targets = namedTargets(service, world).filter((target) => target.host?.toLowerCase() === labels[0]);
    return ofTargets(question, targets, service, world);
  }
  if (labels.length !== 3 || !labels[0]!.startsWith('_')) return NOTHING;
  const targets = serviceTargets(service, world).filter(
    (target) => `_${target.portName}` === labels[0] && `_${target.protocol}` === labels[1],
  );
  return ofTargets(question, targets, service, world);
}

/** `1-2-3-4.namespace.pod.domain`: any address, as long as the namespace is there. */
function ofPod(question: Question, labels: readonly string[], world: DnsWorld): Found {
  const namespace = labels.at(-1)!;
  if (!world.hasNamespace(namespace)) return NOTHING;
  if (labels.length === 1) return EMPTY;
  if (labels.length > 2) return NOTHING;
  const dashed = labels[0]!;
  const four = /^\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3}$/.test(dashed) ? dashed.replaceAll('-', '.') : undefined;
  const ip = four ?? canonicalIp(dashed.replaceAll('-', ':'));
  const valid = four ? four.split('.').every((part) => Number(part) <= 255) : ip.includes(':') && URL.canParse(`http://[${ip}]/`);
  return valid ? { exists: true, answers: addresses(question.name, question.type, [ip]) } : NOTHING;
}

/** labels: what stands before the domain. */
function inZone(question: Question, labels: readonly string[], world: DnsWorld): Found {
  if (labels.length === 0) {
    if (wants(question.type, 'SOA')) return { exists: true, answers: [soa(world, TTL_SECONDS)] };
    if (question.type !== 'NS') return EMPTY;
    return { exists: true, answers: [{ type: 'NS', name: question.name, ttl: TTL_SECONDS, data: `ns.dns.${world.domain}` }] };
  }
  const kind = labels.at(-1);
  if (kind === 'dns-version' && labels.length === 1) {
    if (!wants(question.type, 'TXT')) return EMPTY;
    return { exists: true, answers: [{ type: 'TXT', name: question.name, ttl: TTL_SECONDS, data: SPECIFICATION_VERSION }] };
  }
  if (kind !== 'svc' && kind !== 'pod') return NOTHING;
  if (labels.length === 1) return EMPTY;
  if (kind === 'pod') return ofPod(question, labels.slice(0, -1), world);
  const namespace = labels.at(-2)!;
  if (!world.hasNamespace(namespace)) return NOTHING;
  if (labels.length === 2) return EMPTY;
  return ofService(question, labels.slice(0, -2), namespace, world);
}

/** The address in a reverse name, or undefined. */
export function reverseIp(name: string): string | undefined {
  const labels = name.split('.');
  if (name.endsWith('.in-addr.arpa') && labels.length === 6) return labels.slice(0, 4).reverse().join('.');
  if (!name.endsWith('.ip6.arpa') || labels.length !== 34) return undefined;
  const nibbles = labels.slice(0, 32).reverse().join('');
  return canonicalIp(nibbles.match(/.{4}/g)!.join(':'));
}

function reply(found: Found, world: DnsWorld): DnsAnswer {
  const negative = found.answers.length === 0;
  return {
    kind: 'reply',
    code: found.exists ? 'NOERROR' : 'NXDOMAIN',
    answers: found.answers,
    authorities: negative ? [soa(world, NEGATIVE_TTL_SECONDS)] : [],
    additionals: found.additionals ?? [],
    ...(found.follow ? { follow: found.follow } : {}),
  };
}

/** Answers a question. Names are compared without regard to case and answered as they were asked. */
export function answer(question: Question, world: DnsWorld): DnsAnswer {
  const name = question.name.toLowerCase().replace(/\.$/, '');
  const ip = reverseIp(name);
  if (ip !== undefined) {
    const names = namesAt(ip, world);
    if (names.length === 0) return { kind: 'forward' };
    if (!wants(question.type, 'PTR')) return reply(EMPTY, world);
    return reply({ exists: true, answers: names.map((data) => ({ type: 'PTR', name: question.name, ttl: TTL_SECONDS, data })) }, world);
  }
  if (name !== world.domain && !name.endsWith(`.${world.domain}`)) return { kind: 'forward' };
  const answers: DnsRecord[] = [];
  let current = question.name.replace(/\.$/, '');
  for (let step = 0; step < FOLLOW_MAX; step++) {
    const lower = current.toLowerCase();
    if (lower !== world.domain && !lower.endsWith(`.${world.domain}`)) {
      return reply({ exists: true, answers, follow: current }, world);
    }
    const labels = lower === world.domain ? [] : lower.slice(0, -world.domain.length - 1).split('.');
    const found = inZone({ name: current, type: question.type }, labels, world);
    answers.push(...found.answers);
    if (!found.follow) return reply({ ...found, exists: found.exists || answers.length > 0, answers }, world);
    current = found.follow;
  }
  return reply({ exists: true, answers }, world);
}
