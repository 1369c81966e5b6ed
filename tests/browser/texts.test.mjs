/** Both languages are complete: every text in both, with the same things filled in. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ROOT } from './lib/program.mjs';

const WEB = path.join(ROOT, 'web');
const folders = readdirSync(WEB).filter((folder) => existsSync(path.join(WEB, folder, 'texts.en.json')));
const textsOf = (folder, language) => JSON.parse(readFileSync(path.join(WEB, folder, `texts.${language}.json`), 'utf8'));
const blanks = (text) => [...new Set(String(text).match(/{\w+}/g) ?? [])].sort();

assert.ok(folders.includes('customer') && folders.includes('shared'), folders.join());

for (const folder of folders) {
    test(`the texts of ${folder} are there in Korean and English, with the same blanks`, () => {
        const [ko, en] = [textsOf(folder, 'ko'), textsOf(folder, 'en')];
        assert.deepEqual(Object.keys(ko).sort(), Object.keys(en).sort());
        for (const key of Object.keys(ko)) {
            for (const [one, other] of [ko[key], en[key]].flat().length > 2 ? ko[key].map((text, i) => [text, en[key][i]]) : [[ko[key], en[key]]]) {
                assert.ok(String(one).trim() && String(other).trim(), `${folder}: ${key} is not empty`);
                assert.deepEqual(blanks(one), blanks(other), `${folder}: ${key}`);
            }
        }
    });

    test(`the English of ${folder} is English, and its Korean is Korean`, () => {
        const [ko, en] = [textsOf(folder, 'ko'), textsOf(folder, 'en')];
        for (const [key, text] of Object.entries(en)) {
            assert.ok(!/[가-힣]/.test(String(text)), `${folder}: ${key}: ${text}`);
        }
        const foreign = Object.entries(ko).filter(([, text]) => /\w{3,} \w{2,} \w{2,}/.test(String(text).replace(/{\w+}/g, '').replace(/[^\x20-\x7e]/g, '')));
        assert.deepEqual(foreign, [], 'no English sentence among the Korean');
    });
}
