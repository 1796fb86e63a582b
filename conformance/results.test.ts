import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  judge,
  knownFailingPage,
  mergeRuns,
  parseDryRun,
  parseJunit,
  parseKnownFailing,
  patternsOf,
  resultsPage,
  runsAlone,
} from './results.ts';

const XML = `<testsuites><testsuite>
<testcase name="[SynchronizedBeforeSuite]" classname="x" status="passed"></testcase>
<testcase name="[It] [sig-apps] A &gt; b [Conformance]" classname="x" status="passed" time="1"><system-err>x</system-err></testcase>
<testcase name="[It] [sig-node] C" classname="x" status="failed" time="1"><failure message="it &quot;broke&quot;&#xA;more" type="failed">t</failure></testcase>
<testcase name="[It] [sig-node] D" classname="x" status="skipped" time="0"><skipped message="skipped"></skipped></testcase>
<testcase name="[It] [sig-node] H" classname="x" status="failed"><failure message="" type="failed">[FAILED] needs &lt;2&gt;&#xA;more</failure></testcase>
<testcase name="[It] [sig-node] F" classname="x" status="interrupted" time="0"><error message="cut short"></error></testcase>
<testcase name="[It] [sig-node] G" classname="x" status="timedout" time="0"><failure message="A suite timeout occurred"></failure></testcase>
</testsuite></testsuites>`;

test('junit files are read: what passed, what failed and why, and nothing that did not run', () => {
  assert.deepEqual(
    [...parseJunit(XML)],
    [
      ['[sig-apps] A > b [Conformance]', { passed: true, message: '' }],
      ['[sig-node] C', { passed: false, message: 'it "broke"' }],
      ['[sig-node] H', { passed: false, message: 'needs <2>' }],
    ],
  );
});

test('surprises: unlisted failures, listed passes, listed without a cause', () => {
  const listed = parseKnownFailing('# comment\n[sig-apps] A > b [Conformance]\n    no reason any more\n[sig-node] E\n');
  assert.deepEqual(judge(parseJunit(XML), listed).surprises, [
    'FAILED, not listed: [sig-node] C\n    it "broke"',
    'FAILED, not listed: [sig-node] H\n    needs <2>',
    'PASSED, but listed: [sig-apps] A > b [Conformance]',
    'LISTED without a cause: [sig-node] E',
  ]);
});

const FACTS = { setup: 'a cluster', command: 'npm run conformance', date: '2026-01-01', others: ['[etcd](results/etcd.md)'] };

test('the page counts by area, with what was not run', () => {
  const all = ['[sig-apps] A > b [Conformance]', '[sig-node] C', '[sig-node] D'];
  const page = resultsPage(all, mergeRuns([{ commit: 'abc', again: false, outcomes: parseJunit(XML) }]), FACTS);
  assert.match(page, /Commit abc, 2026-01-01/);
  assert.match(page, /\| sig-apps \| 1 \| 0 \| 0 \| 1 \|\n\| sig-node \| 0 \| 1 \| 1 \| 2 \|\n\| all \| 1 \| 1 \| 1 \| 3 \|/);
  assert.match(page, /Not run:\n\n- \[sig-node\] D\n/);
  assert.match(page, /run by\n\n {4}npm run conformance\n\nagainst a cluster\./);
  assert.match(page, /Failed:\n\n- \[sig-node\] C: it "broke"\n/);
  assert.match(page, /Other clusters:\n\n- \[etcd\]/);
});

test('areas of which nothing was run are left out, and that is said', () => {
  const all = ['[sig-apps] A > b [Conformance]', '[sig-cli] X'];
  const page = resultsPage(all, mergeRuns([{ commit: 'abc', again: false, outcomes: parseJunit(XML) }]), FACTS);
  assert.match(page, /\| all \| 1 \| 0 \| 0 \| 1 \|\n\nOther areas were not run\./);
  assert.match(page, / {4}npm run conformance --focus '\\\[\(sig-apps\)\\\]'\n/);
  assert.doesNotMatch(page, /sig-cli/);
});

test('later runs win, and a test that passed only alone is named', () => {
  const passed = new Map([['[sig-node] C', { passed: true, message: '' }]]);
  const merged = mergeRuns([
    { commit: 'abc', again: false, outcomes: parseJunit(XML) },
    { commit: 'def', again: true, outcomes: passed },
  ]);
  assert.deepEqual(merged.get('[sig-node] C'), { passed: true, message: '', commit: 'def', again: true });
  const page = resultsPage([...merged.keys()], merged, FACTS);
  assert.match(page, /Commits abc \(2 tests\), def \(1 tests\)/);
  assert.match(page, /passed when run again alone:\n\n- \[sig-node\] C\n/);
});

test('the list of failures keeps causes, forgets what passes and says what nobody looked at', () => {
  const results = parseJunit(XML);
  const page = knownFailingPage(results, parseKnownFailing('[sig-apps] A > b [Conformance]\n    old\n[sig-node] E\n    needs a disk\n'));
  const listed = parseKnownFailing(page);
  assert.deepEqual([...listed.keys()], ['[sig-node] C', '[sig-node] E', '[sig-node] H']);
  assert.equal(listed.get('[sig-node] E'), 'needs a disk');
  assert.deepEqual(judge(results, listed).surprises, ['LISTED without a cause: [sig-node] C', 'LISTED without a cause: [sig-node] H']);
});

test('tests are chosen by their whole names', () => {
  const names = Array.from({ length: 250 }, (_, i) => `[sig-x] (odd) a.b [Serial] ${i}`);
  const patterns = patternsOf(names).map((pattern) => new RegExp(pattern));
  assert.equal(patterns.length, 3);
  for (const name of names) assert.equal(patterns.filter((pattern) => pattern.test(name)).length, 1);
  assert.ok(!patterns.some((pattern) => pattern.test(`${names[3]} and more`)));
  assert.ok(names.every(runsAlone));
});

test('a dry run names what it would run', () => {
  const spec = (State: string, LeafNodeText: string) => ({
    LeafNodeType: 'It',
    State,
    ContainerHierarchyTexts: ['[sig-x] T', 'when'],
    LeafNodeText,
  });
  const setUp = { LeafNodeType: 'BeforeSuite', State: 'passed', ContainerHierarchyTexts: null, LeafNodeText: '' };
  const json = JSON.stringify([{ SpecReports: [setUp, spec('passed', 'a'), spec('skipped', 'b')] }]);
  assert.deepEqual(parseDryRun(json), ['[sig-x] T when a']);
});
