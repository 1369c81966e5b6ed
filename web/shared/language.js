/** The page's language. The gateway chose it (a cookie, else the browser's wish) and wrote it into <html lang>; the switch
 *  changes it at once and leaves the cookie for next time. Every text has its key in texts.ko.json and texts.en.json. */

const languages = ['ko', 'en'];
const changed = new Set();
const dictionaries = { ko: {}, en: {} };
const YEAR_S = 31_536_000;

export function language() {
    return document.documentElement.lang === 'ko' ? 'ko' : 'en';
}

export function otherLanguage() {
    return languages.find((one) => one !== language());
}

/** Adds a page's texts. */
export function learn({ ko, en }) {
    Object.assign(dictionaries.ko, ko);
    Object.assign(dictionaries.en, en);
}

export function speak(next) {
    document.documentElement.lang = next;
    document.cookie = `lang=${next}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax`;
    document.title = t('title');
    changed.forEach((each) => each());
}

export function onLanguage(then) {
    changed.add(then);
}

/** The text of a key with its {names} filled in. */
export function t(key, values = {}) {
    const text = dictionaries[language()][key] ?? key;
    return text.replace(/{(\w+)}/g, (whole, name) => values[name] ?? whole);
}

/** `amount` is in the currency's minor unit, of which ISO 4217 says how many there are: none to a won, a hundred to a dollar. */
export function money(amount, currency) {
    const format = new Intl.NumberFormat(language(), { style: 'currency', currency });
    return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

export const number = (n) => new Intl.NumberFormat(language()).format(n);

export const timeOfDay = (at) =>
    new Intl.DateTimeFormat(language(), { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(at);

/** What something on the menu is called here; what is not on it keeps its own name. */
export function nameOf(menu, productName) {
    const item = menu?.find((one) => one.name === productName);
    return item ? item.names[language()] : productName ?? '';
}
