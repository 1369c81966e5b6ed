/** How this display behaves. It is this device's own matter, so this device remembers it. */
import { Component, h } from 'preact';
import { t } from '../shared/language.js';
import { recall, remember, watch } from '../shared/storage.js';
import { Dialog, wholeNumber } from '../shared/ui.jsx';

const USUAL = { waitMinutes: 3, lateMinutes: 6, sound: false };

export const loadSettings = () => ({ ...USUAL, ...recall('kitchen', {}) });

/** Another window of this device has saved others. */
export const watchSettings = (then) => watch('kitchen', () => then(loadSettings()));

export class SettingsDialog extends Component {
    constructor({ settings }) {
        super();
        this.state = { wait: String(settings.waitMinutes), late: String(settings.lateMinutes), sound: settings.sound, wrong: false };
    }

    save(event) {
        event.preventDefault();
        const waitMinutes = wholeNumber(this.state.wait, 1, 600);
        const lateMinutes = wholeNumber(this.state.late, 1, 600);
        if (waitMinutes === null || lateMinutes === null || lateMinutes <= waitMinutes) {
            this.setState({ wrong: true });
            return;
        }
        const settings = { waitMinutes, lateMinutes, sound: this.state.sound };
        remember('kitchen', settings);
        this.props.onSave(settings);
    }

    minutes(name, label) {
        return (
            <div class="field">
                <label for={`set-${name}`}>{label}</label>
                <input id={`set-${name}`} class="input figures" inputMode="numeric" value={this.state[name]} data-testid={`set-${name}`}
                    onInput={(event) => this.setState({ [name]: event.target.value, wrong: false })} />
            </div>
        );
    }

    render({ onClose, awake }, { sound, wrong }) {
        return (
            <Dialog label={t('settings')} onClose={onClose} testid="settings-dialog">
                <form onSubmit={(event) => this.save(event)} novalidate>
                    <h2>{t('settings')}</h2>
                    {this.minutes('wait', t('settings.wait'))}
                    {this.minutes('late', t('settings.late'))}
                    {wrong ? <p class="notice bad" role="alert">{t('settings.wrong')}</p> : null}
                    <label class="check">
                        <input type="checkbox" checked={sound} data-testid="set-sound" onChange={(event) => this.setState({ sound: event.target.checked })} />
                        {t('settings.sound')}
                    </label>
                    <p class="soft">{t(awake ? 'settings.awake' : 'settings.notAwake')}</p>
                    <div class="actions">
                        <button class="button" type="button" onClick={onClose}>{t('back')}</button>
                        <button class="button main" type="submit" data-testid="settings-save">{t('settings.save')}</button>
                    </div>
                </form>
            </Dialog>
        );
    }
}
