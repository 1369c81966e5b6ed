/** One word for one thing: web/README.md, "Words". */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDERS = ['shared', 'customer', 'kitchen', 'stock', 'ops', 'errors'];

/** [where, text] of all that people read in a language. */
function textsIn(language) {
    return FOLDERS.flatMap((folder) => Object.entries(JSON.parse(readFileSync(join(ROOT, `web/${folder}/texts.${language}.json`), 'utf8')))
        .flatMap(([key, text]) => [text].flat().map((one) => [`${folder}: ${key}`, one])));
}

const linesOf = (name) => readFileSync(join(ROOT, name), 'utf8').split('\n').map((line, i) => [`${name}:${i + 1}`, line]);

/* What is not said, what is said instead, and where the word means something else. */
const KOREAN = [
    [/품절/, '재고 없음', /menu|soldOut|down\.customercenter|무엇을 얼마에/],
    [/준비 중/, '대기'],
    [/제작|제조|생산/, '만드는 중'],
    [/(?<!되)돌려\s?(준|주|드|줍|받)/, '환불'],
    [/재고 ?담당/, '재고관리자'],
    [/결제사/, '결제 대행사'],
    [/고객 ?센터|고객 화면/, '조회 뷰'],
    [/사건/, '이벤트'],
    [/기록을 (살펴|보)/, '로그'],
    [/차단기|(?<!서킷 )브레이커/, '서킷 브레이커'],
    [/시험/, '테스트'],
    [/새 주문 \{|기다리는 주문"/, '티켓'],
];

test('Korean has one word for one thing, on the pages and in README.ko.md', () => {
    const wrong = [...textsIn('ko'), ...linesOf('README.ko.md')].flatMap(([where, text]) => KOREAN
        .filter(([word, , elsewhere]) => word.test(text) && !elsewhere?.test(where + text)).map(([, instead]) => `${where}: ${instead}: ${text}`));
    assert.deepEqual(wrong, []);
});

test('the rejected words are found where they stand', () => {
    for (const text of ['주문이 품절입니다', '준비 중', '제조가 미루어집니다', '돈을 돌려드렸습니다', '재고 담당', '외부 결제사', '고객센터', '사건 3개', '기록을 살펴보세요', '차단기 열림', 'siege 시험']) {
        assert.ok(KOREAN.some(([word]) => word.test(text)), text);
    }
});

const AMERICAN = /\b(cancel(ed|ing)|authoriz\w*|recogniz\w*|organiz\w*|colors?|centers?|favorites?)\b/i;

test('the pages\' English is British, as the documents\' is', () => {
    assert.deepEqual(textsIn('en').filter(([, text]) => AMERICAN.test(text.replaceAll(/{\w+}/g, ''))), []);
    assert.match('it is canceled', AMERICAN);
});
