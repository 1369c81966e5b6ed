/** A figure: a large value, what it means, and where it has one its last hour as a line. */
import { h } from 'preact';
import { language, t } from '../shared/language.js';
import { Chart } from './chart.jsx';

export const round = (value, digits) => new Intl.NumberFormat(language(), { maximumFractionDigits: digits }).format(value);
/** What is not known is a dash, never 0. */
export const count = (value) => (value === null || value === undefined ? '–' : round(value, value < 10 ? 1 : 0));

export const Figure = ({ name, value, note, names, format, history, until }) => (
    <section class="card figure" aria-labelledby={`figure-${name}`} data-testid="figure" data-figure={name}>
        <h3 id={`figure-${name}`}>{t(`figure.${name}`)}</h3>
        <p class="value figures">{value}</p>
        <p class="soft">{note}</p>
        {names ? <Chart history={history} names={names} until={until} format={format} label={t(`figure.${name}`)} /> : null}
    </section>
);
