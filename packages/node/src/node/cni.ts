// The CNI configuration of the pod network, when no other part has written one: a bridge with addresses by host-local.
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const BRIDGE = 'tiphys0';

export async function writeCniConfiguration(directory: string, podCidr: string): Promise<void> {
  const folder = join(directory, 'cni', 'net.d');
  const file = join(folder, '10-tiphys.conflist');
  const present = await access(file).then(
    () => true,
    () => false,
  );
  if (present) return;
  await mkdir(folder, { recursive: true });
  const configuration = {
    cniVersion: '1.0.0',
    name: 'tiphys',
    plugins: [
      {
        type: 'bridge',
        bridge: BRIDGE,
        isGateway: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: join(directory, 'cni', 'leases'),
          ranges: [[{ subnet: podCidr }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  };
  await writeFile(file, `${JSON.stringify(configuration, undefined, 2)}\n`);
}
