// Attacks until it is killed, and says on a line when the load is in place: node attacker.ts ATTACK COUNT TARGET
import { ATTACKS, type Target } from './attacks.ts';

const [name, count, target] = process.argv.slice(2) as [string, string, string];
setInterval(() => undefined, 2 ** 30);
// It is not to outlive who counts the heartbeats.
process.stdin.once('end', () => process.exit()).resume();
const { goOn } = await ATTACKS[name]!.attack(JSON.parse(target) as Target, Number(count));
process.stdout.write('in place\n');
for (;;) await goOn().catch((error: Error) => process.stderr.write(`${name}: ${error.message}\n`));
