import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

// The administrator makes a template with a time section and gives it to a customer.
registry.category("web_tour.tours").add("annex_template_tour", {
    url: "/odoo",
    steps: () => [
        ...stepUtils.goToAppSteps("account.menu_finance", "Open the accounting app"),
        {
            content: "Open the configuration",
            trigger: "[data-menu-xmlid='account.menu_finance_configuration']",
            run: "click",
        },
        {
            content: "Open the annexes",
            trigger:
                ".dropdown-item[data-menu-xmlid='sale_timesheet_cra.invoice_annex_menu_template']",
            run: "click",
        },
        {
            trigger: ".o_last_breadcrumb_item:contains('Invoice Annexes')",
        },
        {
            content: "Make one",
            trigger: ".o_list_button_add",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=name] input, .o_field_widget[name=name] textarea",
            run: "edit Hours of the Month",
        },
        {
            content: "Add a section",
            trigger: ".o_field_widget[name=section_ids] .o_field_x2many_list_row_add a",
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=title] input",
            run: "edit Hours worked",
        },
        {
            trigger: ".modal .o_field_widget[name=grouping] input",
            run: "click",
        },
        {
            trigger: ".o_select_menu_item:contains('Task')",
            run: "click",
        },
        {
            trigger: ".modal .o_form_button_save",
            run: "click",
        },
        {
            trigger:
                "body:not(:has(.modal)) .o_field_widget[name=section_ids] .o_data_row:contains('Hours worked')",
        },
        ...stepUtils.saveForm(),
        {
            content: "Go to the customers",
            trigger: "[data-menu-xmlid='account.menu_finance_receivables']",
            run: "click",
        },
        {
            trigger: ".dropdown-item[data-menu-xmlid='account.menu_account_customer']",
            run: "click",
        },
        {
            trigger: ".o_last_breadcrumb_item:contains('Customers')",
        },
        {
            trigger: ".o_list_view .o_data_row:contains('Annex Tour Customer') .o_data_cell",
            run: "click",
        },
        {
            trigger: ".o_notebook .nav-link[name='accounting']",
            run: "click",
        },
        {
            content: "Give the customer this annex",
            trigger: ".o_field_widget[name=annex_template_ids] input",
            run: "edit Hours of the",
        },
        {
            trigger: ".o-autocomplete--dropdown-item > a:contains('Hours of the Month')",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=annex_template_ids] .o_tag:contains('Hours of the Month')",
        },
        ...stepUtils.saveForm(),
    ],
});
