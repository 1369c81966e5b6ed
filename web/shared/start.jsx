/** Starts a page: learns its texts, draws it into #app in place of the shape that waited there, draws it again in another language. */
import { h, render } from 'preact';
import { learn, onLanguage } from './language.js';
import ko from './texts.ko.json';
import en from './texts.en.json';

export function start(Page, texts) {
    const app = document.getElementById('app');
    learn({ ko, en });
    learn(texts);
    let page = null;
    app.textContent = '';
    render(<Page ref={(one) => { page = one ?? page; }} />, app);
    onLanguage(() => page.forceUpdate());
}
