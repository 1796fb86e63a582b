import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { dataFolder, folderKeyFiles, isDataFolder, markRunning, openDataFolder, runningOn, unmarkRunning } from './data-folder.ts';

function scratch(run: (path: string) => void) {
  const path = mkdtempSync(join(tmpdir(), 'tiphys-folder-'));
  try {
    run(path);
  } finally {
    rmSync(path, { recursive: true });
  }
}

test('an empty or missing folder becomes ours and opens again', () =>
  scratch((path) => {
    openDataFolder(join(path, 'new'));
    assert.ok(isDataFolder(join(path, 'new')));
    openDataFolder(join(path, 'new'));
  }));

test('a first start that was killed anywhere does not spoil the folder', () =>
  scratch((path) => {
    writeFileSync(join(path, 'version.new'), '');
    const folder = openDataFolder(path);
    assert.ok(isDataFolder(path));
    writeFileSync(folder.processFile, '{"pid": 1');
    assert.equal(runningOn(folder), undefined);
  }));

test("someone else's folder and another version's are refused", () =>
  scratch((path) => {
    writeFileSync(join(path, 'thesis.txt'), 'x');
    assert.throws(() => openDataFolder(path), /is not empty and not a Tiphys data folder/);
    writeFileSync(join(path, 'version'), '999\n');
    assert.throws(() => openDataFolder(path), /belongs to another version of Tiphys \(folder version "999"/);
    assert.throws(() => openDataFolder(join(path, 'thesis.txt')), /is not a folder/);
  }));

test('keys are private', () =>
  scratch((path) => {
    folderKeyFiles(openDataFolder(join(path, 'd'))).write('ca.key', 'secret');
    assert.equal(statSync(join(path, 'd/pki/ca.key')).mode & 0o777, 0o600);
  }));

test('a running process is told from one that is gone and from another with its id', () =>
  scratch((path) => {
    const folder = dataFolder(path);
    assert.equal(runningOn(folder), undefined);
    markRunning(folder, 'https://127.0.0.1:1', 'simulated');
    assert.equal(runningOn(folder)?.pid, process.pid);
    writeFileSync(folder.processFile, JSON.stringify({ pid: process.pid, startedTicks: 'other', url: '' }));
    assert.equal(runningOn(folder), undefined);
    unmarkRunning(folder);
    assert.equal(runningOn(folder), undefined);
  }));
