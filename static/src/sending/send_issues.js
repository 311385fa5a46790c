import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** What stands in the way of a row and what else to know, each with its way out. */
export class SendIssues extends Component {
    static template = "sale_timesheet_cra.SendIssues";
    static props = { ...standardFieldProps };

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
    }

    label(issue) {
        return issue.blocks ? _t("Blocked") : _t("To know");
    }

    get issues() {
        const { blockers, warnings } = this.props.record.data;
        return [
            ...(blockers || []).map((issue) => ({ ...issue, blocks: true })),
            ...(warnings || []).map((issue) => ({ ...issue, blocks: false })),
        ].map((issue, index) => ({ ...issue, key: `${index}-${issue.code}` }));
    }

    async mend(issue) {
        const { record } = this.props;
        const { root } = record.model;
        if (!(await root.isDirty?.()) || (await root.save())) {
            if (issue.method) {
                await this.orm.call(record.resModel, issue.method, [[record.resId]]);
                await root.load();
            } else {
                this.action.doAction({
                    type: "ir.actions.act_window",
                    res_model: issue.res_model,
                    res_id: issue.res_id,
                    views: [[false, "form"]],
                });
            }
        }
    }
}

registry.category("fields").add("send_issues", {
    component: SendIssues,
    supportedTypes: ["json"],
    fieldDependencies: [{ name: "warnings", type: "json" }],
});
