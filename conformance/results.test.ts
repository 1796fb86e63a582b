import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, parseJunit, parseKnownFailing, resultsPage } from './results.ts';

const XML = `<testsuites><testsuite>
<testcase name="[SynchronizedBeforeSuite]" classname="x" status="passed"></testcase>
<testcase name="[It] [sig-apps] A &gt; b [Conformance]" classname="x" status="passed" time="1"><system-err>x</system-err></testcase>
<testcase name="[It] [sig-node] C" classname="x" status="failed" time="1"><failure message="it &quot;broke&quot;&#xA;more" type="failed">t</failure></testcase>
<testcase name="[It] [sig-node] D" classname="x" status="skipped" time="0"><skipped message="skipped"></skipped></testcase>
</testsuite></testsuites>`;

test('junit files are read: what passed, what failed and why, and nothing that did not run', () => {
  assert.deepEqual(
    [...parseJunit(XML)],
    [
      ['[sig-apps] A > b [Conformance]', { passed: true, message: '' }],
      ['[sig-node] C', { passed: false, message: 'it "broke"' }],
    ],
  );
});

test('surprises: unlisted failures, listed passes, listed without a cause', () => {
  const listed = parseKnownFailing('# comment\n[sig-apps] A > b [Conformance]\n    no reason any more\n[sig-node] E\n');
  assert.deepEqual(judge(parseJunit(XML), listed).surprises, [
    'FAILED, not listed: [sig-node] C\n    it "broke"',
    'PASSED, but listed: [sig-apps] A > b [Conformance]',
    'LISTED without a cause: [sig-node] E',
  ]);
});

test('the page counts by area', () => {
  assert.match(
    resultsPage(parseJunit(XML), 'abc', '2026-01-01'),
    /\| sig-apps \| 1 \| 0 \| 1 \|\n\| sig-node \| 0 \| 1 \| 1 \|\n\| all \| 1 \| 1 \| 2 \|/,
  );
});
