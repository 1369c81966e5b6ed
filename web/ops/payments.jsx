/** The day's payments: how many there were of each kind, and the money. */
import { h } from 'preact';
import { language, money, number, t } from '../shared/language.js';
import { count, Figure } from './figure.jsx';
import { samples } from './metrics.js';
import { countsOf, moneyOf } from './payments.js';

const BREAKERS = ['closed', 'open', 'halfOpen'];

/* In words, whether `service` asks `other`; null where it has no such breaker, or can't be seen. */
function breakerOf(looks, service, other) {
    const [found] = samples(looks[service]?.metrics ?? [], 'coffeeshop_breaker_state', { service: other });
    return found ? t(`breaker.${BREAKERS[found.value]}`) : null;
}

/* The day as it is written here; it is one of the shop's calendar, whatever the time is where this device is. */
const dayOf = (day) => new Intl.DateTimeFormat(language(), { dateStyle: 'long', timeZone: 'UTC' }).format(Date.parse(day));

const Money = ({ summary }) => {
    const rows = moneyOf(summary);
    return rows.length === 0 ? <p class="card money" data-testid="no-sums">{t('sums.none')}</p> : (
        <div class="sums" data-testid="sums">
            {rows.map((row) => (
                <section key={row.currency} class="card money" aria-labelledby={`sum-${row.currency}`} data-testid="sum" data-currency={row.currency}>
                    <h3 id={`sum-${row.currency}`}>{t('sums.in', { currency: row.currency })}</h3>
                    <dl>
                        {['taken', 'givenBack', 'left'].map((what) => (
                            <div key={what}>
                                <dt class="soft">{t(`sums.${what}`)}</dt>
                                <dd class="figures" data-sum={what}>{money(row[what], row.currency)}</dd>
                            </div>
                        ))}
                    </dl>
                </section>
            ))}
        </div>
    );
};

const Counts = ({ summary, looks }) => {
    const n = countsOf(summary);
    const note = (name, values) => (summary ? t(`note.${name}`, Object.fromEntries(Object.entries(values).map(([key, value]) => [key, number(value)]))) : '');
    const provider = breakerOf(looks, 'payment', 'provider');
    return (
        <div class="figures-grid">
            <Figure name="approved" value={count(n.approved)} note={note('approved', { n: n.released })} />
            <Figure name="declined" value={count(n.declined)} note={t('note.declined')} />
            <Figure name="unanswered" value={count(n.unanswered)} note={t('note.unanswered')} />
            <Figure name="refunded" value={count(n.refunded)} note={t('note.refunded')} />
            <Figure name="unresolved" value={count(n.unresolved)}
                note={note('unresolved', { authorized: n.authorized, pending: n.pending, returning: n.returning })} />
            <Figure name="breaker" value={breakerOf(looks, 'order', 'payment') ?? '–'}
                note={provider ? t('note.breaker.provider', { state: provider }) : t('note.breaker')} />
        </div>
    );
};

/** `payments` {state, summary}: watch.js. */
export const Payments = ({ payments: { state, summary }, looks }) => {
    const isThere = state !== 'counter' && state !== 'forbidden';
    return (
        <section aria-labelledby="payments-title" data-testid="payments" data-payments={state}>
            <h2 id="payments-title">{t('payments')}</h2>
            {state === 'known'
                ? <p class="soft" id="payments-day">{t('payments.day', { day: dayOf(summary.from), timezone: summary.timezone })}</p>
                : <p class={`notice ${state === 'unknown' ? 'wait' : ''}`}>{t(`payments.${state}`)}</p>}
            {summary ? <Money summary={summary} /> : null}
            {isThere ? <Counts summary={summary} looks={looks} /> : null}
        </section>
    );
};
