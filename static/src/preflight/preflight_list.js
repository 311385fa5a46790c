import { registry } from "@web/core/registry";
import { listView } from "@web/views/list/list_view";
import { ListController } from "@web/views/list/list_controller";
import { onMounted } from "@odoo/owl";

/** The preflight list: whoever comes back from mending a row sees it mended. */
export class PreflightListController extends ListController {
    setup() {
        super.setup();
        onMounted(() => {
            if (this.props.state) {
                this.checkAgain();
            }
        });
    }

    async checkAgain() {
        const wizardId = this.props.context.default_wizard_id;
        await this.orm.call("cra.generate", "action_check_again", [wizardId]);
        await this.model.load();
    }
}

registry.category("views").add("cra_preflight_list", {
    ...listView,
    Controller: PreflightListController,
});
