// `tiphys token`: tokens that machines join the cluster with (kubeadm token).
import { type Client, clientFromKubeconfig } from '@tiphys/client';
import { askParcel, createServerToken, createToken, type DataFolder, deleteToken, listTokens } from '@tiphys/cluster';
import { realClock, realRandom } from '@tiphys/runtime';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { existingFolder, withDataDir } from '../data-dir.ts';
import { CommandError, type Terminal } from '../terminal.ts';

const UNITS_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const FOREVER_MS = 0;
/** A server's token opens the cluster's keys: two hours, as kubeadm's. */
const TTL_MS = { node: 24 * UNITS_MS.h!, server: 2 * UNITS_MS.h! };

interface CreateFlags {
  dataDir?: string;
  role: keyof typeof TTL_MS;
  ttl?: number;
}

/** `24h`, `90m`, `7d`; 0 is for ever. */
function duration(text: string): number {
  const [, count, unit = ''] = /^(\d+)([smhd]?)$/.exec(text) ?? [];
  if (count === undefined || (unit === '' && count !== '0')) throw new InvalidArgumentError('must look like 24h, 90m or 7d; 0 never ends.');
  return Number(count) * (UNITS_MS[unit] ?? 1);
}

async function onServer<T>(
  options: { dataDir?: string },
  terminal: Terminal,
  work: (client: Client, folder: DataFolder) => Promise<T>,
): Promise<T> {
  const { readMembership } = await import('@tiphys/cluster');
  const folder = await existingFolder(options, terminal);
  const joined = readMembership(folder);
  if (joined) throw new CommandError(`${folder.path} is that of a node of ${joined.server}: tokens are made on the server's machine`);
  const client = clientFromKubeconfig({ path: folder.kubeconfig });
  try {
    return await work(client, folder);
  } finally {
    await client.close();
  }
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]! + 3))
          .join('')
          .trimEnd()}\n`,
    )
    .join('');
}

export function addTokenCommand(program: Command, terminal: Terminal): void {
  const token = program.command('token').description('tokens that other machines join the cluster with');
  withDataDir(token.command('create'), terminal)
    .description('make a token, and print the command that joins a machine with it')
    .addOption(new Option('--role <role>', 'what the machine becomes').choices(['node', 'server']).default('node'))
    .option('--ttl <duration>', 'how long it is good for (default: 24h, for a server 2h; 0 never ends)', duration)
    .action(async (options: CreateFlags) => {
      const services = { clock: realClock(), random: realRandom() };
      const { role, ttl = TTL_MS[role] } = options;
      const ttlMs = ttl === FOREVER_MS ? undefined : ttl;
      const made = await onServer(options, terminal, async (client, folder) =>
        role === 'server' ? createServerToken(client, services, await askParcel(folder), ttlMs) : createToken(client, services, ttlMs),
      );
      const flags = `--token ${made.token} --ca-certificate-hash ${made.authorityHash}${role === 'server' ? ' --role server' : ''}`;
      terminal.out(`tiphys server join ${made.server} ${flags}\n`);
    });
  withDataDir(token.command('list'), terminal)
    .alias('ls')
    .description('list them, without their secrets')
    .action(async (options: { dataDir?: string }) => {
      const tokens = await onServer(options, terminal, listTokens);
      if (tokens.length === 0) return terminal.error('There are no tokens.\n');
      const rows = tokens.map(({ id, expires, usages, description }) => [id, expires ?? '<never>', usages.join(','), description]);
      terminal.out(table([['TOKEN', 'EXPIRES', 'USAGES', 'DESCRIPTION'], ...rows]));
    });
  withDataDir(token.command('delete'), terminal)
    .description('delete one, so that nobody joins with it any more')
    .argument('<token>', 'the token, or its first part')
    .action(async (text: string, options: { dataDir?: string }) => {
      terminal.out(`token "${await onServer(options, terminal, (client) => deleteToken(client, text))}" deleted\n`);
    });
}
