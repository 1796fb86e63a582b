// Kinds of custom resources: what the run's own definitions declare, and how both servers come to know them.
import { apiVersionOf, builtInResources, type ResourceInfo } from '@tiphys/api';
import type { JsonSchema } from '@tiphys/machinery';
import { readDocuments } from './documents.ts';
import type { Kind } from './seeds.ts';
import type { Server } from './server.ts';
import { customShape } from './shape.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const ESTABLISHED_ATTEMPTS_MAX = 200;
const ESTABLISHED_INTERVAL_MS = 50;

const definitions = () => readDocuments('custom').filter(({ kind }) => kind === 'CustomResourceDefinition');

/** Every version of every definition, with the seeds that speak of it. */
export function customKinds(): Kind[] {
  const seeds = readDocuments('custom');
  return definitions().flatMap(({ spec }) =>
    spec.versions.map((version: any): Kind => {
      const { group, scope, names } = spec;
      const own = seeds.filter(
        ({ apiVersion, kind }) => apiVersion === apiVersionOf({ group, version: version.name }) && kind === names.kind,
      );
      // They look like those of a built-in kind that has both.
      const rows = builtInResources('apps', 'v1').filter(({ name }) => /^deployments\/(status|scale)$/.test(name));
      const subresources = new Map<string, ResourceInfo>();
      for (const row of rows) {
        const name = row.name.split('/')[1]!;
        if (version.subresources?.[name]) subresources.set(name, row);
      }
      return {
        group,
        version: version.name,
        kind: names.kind,
        resource: names.plural,
        namespaced: scope === 'Namespaced',
        verbs: VERBS,
        subresources,
        schema: customShape(version.schema.openAPIV3Schema as JsonSchema),
        seeds: own,
        otherVersions: spec.versions.map(({ name }: any) => name).filter((name: string) => name !== version.name),
      };
    }),
  );
}

/** Makes the definitions and waits until their resources are served. */
export async function declareCustomKinds(server: Server): Promise<void> {
  for (const definition of definitions()) {
    const { status, body } = await server.ask('POST', DEFINITIONS, 'application/json', JSON.stringify(definition));
    if (status !== 201) throw new Error(`${server.name} refused ${definition.metadata.name}: ${JSON.stringify(body)}`);
  }
  for (const kind of customKinds()) await untilServed(server, `/apis/${kind.group}/${kind.version}/${kind.resource}`);
}

async function untilServed(server: Server, path: string): Promise<void> {
  for (let attempt = 0; attempt < ESTABLISHED_ATTEMPTS_MAX; attempt++) {
    if ((await server.ask('GET', path)).status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, ESTABLISHED_INTERVAL_MS));
  }
  throw new Error(`${server.name} does not serve ${path}`);
}
