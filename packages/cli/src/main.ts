// The tiphys command's entry point in a checkout.
import { enableCompileCache } from 'node:module';

// Clusters keep what Node made of their sources too, in the checkout (packages/cluster/src/index.ts).
if (process.argv[2] !== 'up') enableCompileCache();
const { runCommandLine } = await import('./command-line.ts');
await runCommandLine();
