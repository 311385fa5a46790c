import { onMounted, onWillUnmount } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { FormController } from "@web/views/form/form_controller";
import { formView } from "@web/views/form/form_view";

const PROGRESS = "sale_timesheet_cra.send_run_progress";
const PAUSE = 1000; // milliseconds between two updates of the page

/** A sending run whose bar, counters and rows move by themselves. */
export class SendRunFormController extends FormController {
    setup() {
        super.setup();
        const bus = useService("bus_service");
        const orm = useService("orm");
        const { resId, resModel } = this.props;
        if (!resId) {
            return;
        }
        const channel = `sale_timesheet_cra.send_run_${resId}`;
        let timer = null;
        const update = () => {
            timer = null;
            return this.update();
        };
        const onProgress = ({ id }) => {
            if (id === resId && !timer) {
                timer = setTimeout(update, PAUSE);
            }
        };
        onMounted(async () => {
            bus.addChannel(channel);
            bus.subscribe(PROGRESS, onProgress);
            // Somebody may come back from mending what blocked a row.
            if (await orm.call(resModel, "action_check_blocked", [[resId]])) {
                await this.update();
            }
        });
        onWillUnmount(() => {
            clearTimeout(timer);
            bus.unsubscribe(PROGRESS, onProgress);
            bus.deleteChannel(channel);
        });
    }

    /** Show what is in the database, unless somebody is typing. */
    async update() {
        if (!(await this.model.root.isDirty())) {
            await this.model.root.load();
        }
    }
}

registry.category("views").add("invoice_send_run_form", {
    ...formView,
    Controller: SendRunFormController,
});
