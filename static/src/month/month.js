import { Component, onWillStart, useState } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { useSetupAction } from "@web/search/action_hook";
import { Layout } from "@web/search/layout";
import { formatFloatTime, formatMonetary } from "@web/views/fields/formatters";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";

const { DateTime } = luxon;

/** How far the reports of a month are, and what keeps the others; all of it opens. */
export class CraMonth extends Component {
    static template = "sale_timesheet_cra.Month";
    static components = { Layout };
    static props = { ...standardActionServiceProps };

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
        this.display = { controlPanel: {} };
        this.state = useState({ month: null });
        useSetupAction({ getLocalState: () => ({ day: this.state.month.day }) });
        onWillStart(() => this.load(this.props.state?.day || false));
    }

    async load(day) {
        this.state.month = await this.orm.call("cra.generate", "get_month", [day]);
    }

    show(months) {
        const day = DateTime.fromISO(this.state.month.day).plus({ months });
        return this.load(day.toISODate());
    }

    async open(key) {
        const { day } = this.state.month;
        this.action.doAction(
            await this.orm.call("cra.generate", "open_month", [day, key])
        );
    }

    count(key) {
        return this.state.month.stages.find((stage) => stage.key === key).count;
    }

    /** What is not agreed to yet, over all stages. */
    get waiting() {
        const stages = this.state.month.stages.filter((stage) => stage.key !== "agreed");
        const sum = (name) => stages.reduce((total, stage) => total + stage[name], 0);
        return { hours: sum("hours"), value: sum("value") };
    }

    color(key) {
        return {
            missing: "secondary",
            draft: "info",
            sent: "warning",
            refused: "danger",
            agreed: "success",
        }[key];
    }

    share(stage) {
        return `width: ${(100 * stage.count) / this.state.month.expected}%`;
    }

    hours(value) {
        return `${formatFloatTime(value)} h`;
    }

    amount(value) {
        return formatMonetary(value, { currencyId: this.state.month.currency_id });
    }
}

registry.category("actions").add("cra_month", CraMonth);
