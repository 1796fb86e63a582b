// Reads metrics.k8s.io, custom.metrics.k8s.io and external.metrics.k8s.io, which other servers answer for by aggregation
// (pkg/controller/podautoscaler/metrics/client.go; k8s.io/metrics pkg/client).
import type { autoscalingv2 } from '@tiphys/api';
import { parseDuration, type ResourceType } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { labelSelectorMatcher } from '@tiphys/machinery';
import { timeMs } from '../runtime/objects.ts';
import { milliOf } from './numbers.ts';
import type { PodMetric, PodMetrics } from './pod-groups.ts';
import type { Reading } from './proposals.ts';

const CUSTOM_GROUP = 'custom.metrics.k8s.io';
/** What a custom metric is taken to be measured over when it does not say. */
const WINDOW_MS = 60_000;

interface PodMetricsItem {
  metadata: { name: string };
  timestamp?: string;
  window?: string;
  containers?: { name: string; usage?: Record<string, string> }[];
}

interface CustomItem {
  describedObject?: { name: string };
  timestamp?: string;
  /** v1beta2, and v1beta1. */
  windowSeconds?: number;
  window?: number;
  value: string;
}

export interface MetricsReader {
  client: Client;
  namespace: string;
  /** The text of the target's selector. */
  selector: string;
  /** The resource of a kind; rejects when there is none. */
  resourceOf(apiVersion: string, kind: string): Promise<ResourceType>;
  /** The first version of a group that is served. */
  versionOf(group: string): Promise<string | undefined>;
}

const query = (parameters: Record<string, string>): string => {
  const given = Object.entries(parameters).filter(([, value]) => value !== '');
  return given.length === 0 ? '' : `?${given.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join('&')}`;
};

/** What client-go says when a server has no Status of its own to say (apimachinery NewGenericServerResponse). */
const WORDS: Readonly<Record<number, string>> = {
  404: 'the server could not find the requested resource',
  503: 'the server is currently unable to handle the request',
};

/** The items of a list. */
async function items<T>(client: Client, path: string, what: string): Promise<T[]> {
  const { status, body } = await client.raw('GET', path);
  if (status < 400) return (body as { items?: T[] }).items ?? [];
  const message = typeof body === 'object' ? (body as { message?: string } | null)?.message : undefined;
  const words = WORDS[status];
  if (message !== undefined && message !== words) throw new Error(message);
  if (words) throw new Error(`${words} (get ${what})`);
  throw new Error(
    `an error on the server (${JSON.stringify(String(body ?? 'unknown'))}) has prevented the request from succeeding (get ${what})`,
  );
}

/** A container's usage, or that of all; undefined when some part is not measured. */
function usageIn({ containers = [] }: PodMetricsItem, resource: string, container: string): bigint | undefined {
  const counted = container === '' ? containers : containers.filter(({ name }) => name === container).slice(0, 1);
  if (counted.length === 0) return undefined;
  let sum = 0n;
  for (const { usage } of counted) {
    if (usage?.[resource] === undefined) return undefined;
    sum += milliOf(usage[resource]);
  }
  return sum;
}

async function resourceMetrics({ client, namespace, selector }: MetricsReader, resource: string, container: string): Promise<PodMetrics> {
  const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods${query({ labelSelector: selector })}`;
  const list = await items<PodMetricsItem>(client, path, 'pods.metrics.k8s.io').catch((error: Error) => {
    throw new Error(`unable to fetch metrics from resource metrics API: ${error.message}`);
  });
  if (list.length === 0) throw new Error('no metrics returned from resource metrics API');
  const metrics = new Map<string, PodMetric>();
  for (const item of list) {
    const value = usageIn(item, resource, container);
    const windowMs = parseDuration(item.window ?? '') ?? 0;
    if (value !== undefined) metrics.set(item.metadata.name, { atMs: timeMs(item.timestamp), windowMs, value });
  }
  return metrics;
}

async function custom(reader: MetricsReader, path: (base: string) => string, what: string): Promise<CustomItem[]> {
  try {
    const version = await reader.versionOf(CUSTOM_GROUP);
    if (version === undefined) throw new Error(`no custom metrics API (${CUSTOM_GROUP}) registered`);
    return await items<CustomItem>(reader.client, path(`/apis/${CUSTOM_GROUP}/${version}/namespaces/${reader.namespace}`), what);
  } catch (error) {
    throw new Error(`unable to fetch metrics from custom metrics API: ${(error as Error).message}`);
  }
}

async function podsMetrics(reader: MetricsReader, { name, selector }: autoscalingv2.MetricIdentifier): Promise<PodMetrics> {
  const parameters = query({ labelSelector: reader.selector, metricLabelSelector: labelSelectorMatcher(selector).toString() });
  const list = await custom(reader, (base) => `${base}/pods/*/${name}${parameters}`, `pods.${CUSTOM_GROUP}`);
  if (list.length === 0) throw new Error('no metrics returned from custom metrics API');
  return new Map(
    list.map((item) => {
      const seconds = item.windowSeconds ?? item.window;
      const windowMs = seconds === undefined ? WINDOW_MS : seconds * 1000;
      return [item.describedObject?.name ?? '', { atMs: timeMs(item.timestamp), windowMs, value: milliOf(item.value) }];
    }),
  );
}

async function objectMetric(reader: MetricsReader, { describedObject, metric }: autoscalingv2.ObjectMetricSource): Promise<bigint> {
  const { apiVersion = '', kind, name } = describedObject;
  const parameters = query({ metricLabelSelector: labelSelectorMatcher(metric.selector).toString() });
  let path = `/metrics/${metric.name}${parameters}`;
  let what = `metrics.${CUSTOM_GROUP}`;
  // A namespace is only ever asked about itself, whatever name the spec says.
  if (kind !== 'Namespace' || apiVersion.includes('/')) {
    const type = await reader.resourceOf(apiVersion, kind).catch((error: Error) => {
      const group = apiVersion.includes('/') ? `${kind}.${apiVersion.split('/')[0]}` : kind;
      throw new Error(`unable to fetch metrics from custom metrics API: unable to map kind ${group} to resource: ${error.message}`);
    });
    what = type.group === '' ? type.resource : `${type.resource}.${type.group}`;
    path = `/${what}/${name}/${metric.name}${parameters}`;
  }
  const list = await custom(reader, (base) => base + path, what);
  if (list.length !== 1) {
    const text = `the custom metrics API server returned ${list.length} results when we asked for exactly one`;
    throw new Error(`unable to fetch metrics from custom metrics API: ${text}`);
  }
  return milliOf(list[0]!.value);
}

async function externalMetric({ client, namespace }: MetricsReader, { name, selector }: autoscalingv2.MetricIdentifier): Promise<bigint[]> {
  const parameters = query({ labelSelector: labelSelectorMatcher(selector).toString() });
  const path = `/apis/external.metrics.k8s.io/v1beta1/namespaces/${namespace}/${name}${parameters}`;
  const list = await items<{ value: string }>(client, path, `${name}.external.metrics.k8s.io`).catch((error: Error) => {
    throw new Error(`unable to fetch metrics from external metrics API: ${error.message}`);
  });
  if (list.length === 0) throw new Error('no metrics returned from external metrics API');
  return list.map(({ value }) => milliOf(value));
}

async function measured(reader: MetricsReader, spec: autoscalingv2.MetricSpec): Promise<Reading> {
  const { resource, containerResource, pods, object, external } = spec;
  if (spec.type === 'Resource' && resource) return { pods: await resourceMetrics(reader, resource.name, '') };
  if (spec.type === 'ContainerResource' && containerResource)
    return { pods: await resourceMetrics(reader, containerResource.name, containerResource.container) };
  if (spec.type === 'Pods' && pods) return { pods: await podsMetrics(reader, pods.metric) };
  if (spec.type === 'Object' && object) return { values: [await objectMetric(reader, object)] };
  if (spec.type === 'External' && external) return { values: await externalMetric(reader, external.metric) };
  return { values: [] };
}

/** What the APIs say for a metric; a failure is part of the answer. */
export const readMetric = (reader: MetricsReader, spec: autoscalingv2.MetricSpec): Promise<Reading> =>
  measured(reader, spec).catch((error: Error) => ({ error }));
