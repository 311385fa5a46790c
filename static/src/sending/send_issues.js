import { Component } from "@odoo/owl";
import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { toLocaleDateTimeString } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

const LOOKS = {
    blocked: { color: "text-danger", icon: "fa-ban" },
    warning: { color: "text-warning-emphasis", icon: "fa-exclamation-triangle" },
    failed: { color: "text-danger", icon: "fa-times-circle" },
    unconfirmed: { color: "text-danger", icon: "fa-question-circle" },
    queued: { color: "text-muted", icon: "fa-clock-o" },
    other: { color: "text-muted", icon: "fa-info-circle" },
};

/** What stands in the way of a row, what became of it, each with its way out. */
export class SendIssues extends Component {
    static template = "sale_timesheet_cra.SendIssues";
    static props = { ...standardFieldProps };

    setup() {
        this.action = useService("action");
        this.dialog = useService("dialog");
        this.orm = useService("orm");
    }

    get issues() {
        const { blockers, warnings } = this.props.record.data;
        return [
            ...(blockers || []).map((issue) => this.prepareIssue(issue, "blocked", _t("Blocked"))),
            ...(warnings || []).map((issue) => this.prepareIssue(issue, "warning", _t("To know"))),
            ...this.fate,
        ].map((issue, index) => ({ ...issue, key: `${index}-${issue.code}` }));
    }

    prepareIssue(issue, look, label) {
        const links = [];
        if (issue.method) {
            links.push({ label: _t("Yes, send it again"), method: issue.method });
        } else if (issue.res_model) {
            links.push({ label: _t("Open"), record: [issue.res_model, issue.res_id] });
        }
        return { ...issue, ...LOOKS[look], label, links };
    }

    /** What became of the row so far, and what somebody can do about it. */
    get fate() {
        const { error, next_try, state } = this.props.record.data;
        const found = [];
        if (error) {
            found.push({
                ...(LOOKS[state] || LOOKS.other),
                code: state,
                label: _t("What happened"),
                message: error,
                links: this.fateLinks,
            });
        }
        if (state === "queued" && next_try) {
            const time = toLocaleDateTimeString(next_try);
            found.push({
                ...LOOKS.queued,
                code: "next_try",
                label: _t("When it leaves"),
                message: _t("Leaves at %s.", time),
                links: [],
            });
        }
        return found;
    }

    get fateLinks() {
        const { is_editable, state } = this.props.record.data;
        if (state === "failed" && is_editable) {
            return [{ label: _t("Retry"), method: "action_retry" }];
        }
        if (state === "unconfirmed") {
            return [
                { label: _t("It arrived"), method: "action_confirm_arrived" },
                {
                    label: _t("Send it once more"),
                    method: "action_send_unconfirmed",
                    confirm: _t("If the mail did arrive, the customer gets it twice."),
                },
            ];
        }
        return [];
    }

    async follow(link) {
        const { record } = this.props;
        const { root } = record.model;
        if ((await root.isDirty?.()) && !(await root.save())) {
            return;
        }
        if (link.record) {
            const [res_model, res_id] = link.record;
            this.action.doAction({
                type: "ir.actions.act_window",
                res_model,
                res_id,
                views: [[false, "form"]],
            });
        } else if (link.confirm) {
            this.dialog.add(ConfirmationDialog, {
                body: link.confirm,
                confirmLabel: link.label,
                confirm: () => this.call(link.method),
                cancel: () => {},
            });
        } else {
            await this.call(link.method);
        }
    }

    async call(method) {
        const { record } = this.props;
        await this.orm.call(record.resModel, method, [[record.resId]]);
        await record.model.root.load();
    }
}

registry.category("fields").add("send_issues", {
    component: SendIssues,
    supportedTypes: ["json"],
    fieldDependencies: [
        { name: "error", type: "text" },
        { name: "is_editable", type: "boolean" },
        { name: "next_try", type: "datetime" },
        { name: "state", type: "selection" },
        { name: "warnings", type: "json" },
    ],
});
