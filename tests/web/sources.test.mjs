/** What holds of all sources of the pages. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WEB = join(ROOT, 'web');
const FOLDERS = ['shared', 'customer', 'kitchen', 'stock', 'ops'];
const files = readdirSync(WEB, { recursive: true }).filter((name) => /\.(jsx?|css|html|json|svg)$/.test(name));
const read = (name) => readFileSync(join(WEB, name), 'utf8');
const texts = (folder, language) => JSON.parse(read(`${folder}/texts.${language}.json`));

test('no file has more than 300 lines', () => {
    for (const name of files) {
        assert.ok(read(name).split('\n').length <= 301, name);
    }
});

test('every text is there in both languages, with the same places to fill in', () => {
    for (const folder of [...FOLDERS, 'errors']) {
        const [ko, en] = [texts(folder, 'ko'), texts(folder, 'en')];
        assert.deepEqual(Object.keys(ko).sort(), Object.keys(en).sort(), folder);
        for (const key of Object.keys(ko)) {
            const places = (text) => [...String(text).matchAll(/{\w+}/g)].map(String).sort();
            assert.deepEqual(places(ko[key]), places(en[key]), `${folder}: ${key}`);
        }
    }
});

test('every text that is asked for by its name is there, and none is left over', () => {
    const shared = texts('shared', 'en');
    const sources = (folder) => files.filter((name) => name.startsWith(`${folder}/`) && /\.(jsx?|html)$/.test(name)).map(read).join('\n');
    for (const folder of FOLDERS.slice(1)) {
        const known = { ...shared, ...texts(folder, 'en') };
        for (const [, key] of sources(folder).matchAll(/\bt\('([^']+)'/g)) {
            assert.ok(key in known, `${folder}: ${key}`);
        }
        const all = sources(folder);
        for (const key of Object.keys(texts(folder, 'en'))) {
            const family = `${key.split('.')[0]}.`;
            assert.ok(all.includes(`'${key}'`) || all.includes(`\`${family}`) || all.includes(`'${family}`) || all.includes(`{{${key}}}`) ||
                /\.(short|title|many)$/.test(key) || key === 'title', `${folder}: ${key}`);
        }
    }
});

test('colours have their names in tokens.css and nowhere else', () => {
    for (const name of files.filter((one) => one.endsWith('.css') && one !== 'tokens.css')) {
        assert.doesNotMatch(read(name), /#[0-9a-f]{3,8}\b/i, name);
    }
});

test('nothing becomes HTML from text, and no other host is asked', () => {
    for (const name of files.filter((one) => /\.(jsx?|html)$/.test(one))) {
        assert.doesNotMatch(read(name), /innerHTML|dangerouslySetInnerHTML|insertAdjacentHTML|document\.write|\beval\(|style="/, name);
        assert.doesNotMatch(read(name).replaceAll('http://www.w3.org/', ''), /https?:\/\//, name);
    }
});

test('only api.js and follow.js ask the shop', () => {
    for (const name of files.filter((one) => /\.jsx?$/.test(one) && !['shared/api.js', 'shared/follow.js'].includes(one))) {
        assert.doesNotMatch(read(name), /\bfetch\(|EventSource|XMLHttpRequest/, name);
    }
});

test("every error that is the gateway's own has its page", () => {
    const source = readFileSync(join(ROOT, 'gateway', 'nginx_problems.c'), 'utf8');
    const statuses = new Set([...source.matchAll(/^ {4}\{(\d{3}), "/gm)].map(([, status]) => status));
    const types = [...source.matchAll(/, "([a-z-]+)"\},$/gm)].map(([, type]) => type);
    assert.ok(statuses.size > 10 && types.includes('outcome-unknown'));
    assert.deepEqual(new Set(Object.keys(texts('errors', 'en')).filter((key) => key !== 'home')), new Set([...statuses, ...types]));
});
