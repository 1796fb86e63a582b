// Prints failures whole, skips with their reason, and the counts at the end: what a person needs of a long run.
export default async function* summary(source) {
  const skipped = new Map();
  const diagnostics = [];
  for await (const event of source) {
    if (event.type === 'test:fail' && event.data.details?.error?.failureType !== 'subtestsFailed') {
      const error = event.data.details.error;
      yield `\n✖ ${event.data.name} (${event.data.file}:${event.data.line})\n${error?.cause?.stack ?? error?.message ?? error}\n`;
    } else if (event.type === 'test:pass' && event.data.skip !== undefined) {
      const reason = typeof event.data.skip === 'string' ? event.data.skip : 'skipped';
      skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
    } else if (event.type === 'test:diagnostic' && /^(tests|pass|fail|skipped|cancelled|duration_ms) \d/.test(event.data.message)) {
      diagnostics.push(`ℹ ${event.data.message}`);
    }
  }
  for (const [reason, count] of skipped) yield `\n  skipped ${count}: ${reason}`;
  yield `\n${diagnostics.join('\n')}\n`;
}
