// Our API server with the parts that are ours, as `tiphys up` starts them on the first machine.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEtcd } from '../../tools/upstream/upstream.ts';
import type { Parts, Server } from './parts.ts';
import { tiphysOn } from './run.ts';

/** The configuration says which parts are left to others. */
async function configurationOf({ setup, registries, machines, programs }: Parts): Promise<object> {
  const { upstream, etcd } = setup;
  const { nodeName, address } = machines[0]!;
  const isNode = !upstream.has('kubelet');
  return {
    apiVersion: 'tiphys.dev/v1alpha1',
    kind: 'ClusterConfiguration',
    registryConfigurationDirectory: registries,
    nodeName,
    machineAddress: address,
    runtime: isNode ? 'containerd' : 'none',
    // Without a node's bridge, pods reach the server at the machine's address.
    ...(isNode ? {} : { host: '0.0.0.0', advertiseAddress: address }),
    ...(upstream.has('controllers') ? { controllers: 'none' } : {}),
    ...(upstream.has('scheduler') ? { scheduler: 'none' } : {}),
    ...(etcd ? { etcd: await startEtcd(programs) } : {}),
  };
}

export async function startOwnServer(parts: Parts): Promise<Server> {
  const { scratch, machines, setup, stack } = parts;
  const machine = machines[0]!;
  const directory = join(scratch, 'data');
  const file = join(scratch, 'configuration.yaml');
  writeFileSync(file, JSON.stringify(await configurationOf(parts)));
  stack.defer(() => tiphysOn(machine, 'down', '--data-dir', directory).then(() => undefined));
  await tiphysOn(machine, 'up', '--detach', '--data-dir', directory, '--no-user-kubeconfig', '--config', file);
  const key = (name: string) => join(directory, 'pki', name);
  return {
    kubeconfig: join(directory, 'kubeconfig'),
    authorityFile: key('ca.crt'),
    authorityKeyFile: key('ca.key'),
    accountKeyFile: key('service-account.key'),
    hasFirstNode: !setup.upstream.has('kubelet'),
    invite: async () => {
      // tiphys server join URL --token TOKEN --ca-certificate-hash HASH
      const [, , , server, , token, , authorityHash] = (await tiphysOn(machine, 'token', 'create', '--data-dir', directory))
        .trim()
        .split(' ');
      return { server: server!, token: token!, authorityHash: authorityHash! };
    },
  };
}
